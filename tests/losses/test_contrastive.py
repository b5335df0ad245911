"""PatchNCE: closed forms and official code's values."""

from __future__ import annotations

import math

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import patch_nce  # noqa: E402

CORNERS = np.eye(4, dtype=np.float32)[None]  # four patches, each like itself only


def test_closed_form_for_orthogonal_patches() -> None:
    wanted = math.log(math.exp(1 / 0.5) + 3 + math.exp(-10 / 0.5)) - 1 / 0.5
    np.testing.assert_allclose(patch_nce(CORNERS, CORNERS, temperature=0.5), [wanted], rtol=1e-6)


def test_negatives_come_from_the_same_image() -> None:
    random = np.random.default_rng(2)
    query, key = random.normal(size=(2, 3, 5, 8)).astype(np.float32)
    together = patch_nce(query, key)
    assert tuple(together.shape) == (3,)
    np.testing.assert_allclose(together[1], patch_nce(query[1:2], key[1:2])[0], rtol=1e-6)


def test_keys_get_no_gradient() -> None:
    import tensorflow as tf

    query, key = tf.Variable(CORNERS), tf.Variable(CORNERS)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(patch_nce(query, key))
    of_query, of_key = tape.gradient(total, [query, key])
    assert of_query is not None
    assert of_key is None


@pytest.mark.parametrize("name", official.names("CUT.PatchNCELoss"))
def test_official(name: str) -> None:
    given = official.entry(name)
    images = 1 if given.args["nce_includes_all_negatives_from_minibatch"] else given.args["batch_size"]
    query, key = (
        np.reshape(given.inputs[side], (images, -1, given.inputs[side].shape[-1])) for side in ("feat_q", "feat_k")
    )
    result = np.asarray(patch_nce(query, key, given.args["nce_T"]))
    np.testing.assert_allclose(result, given.expected["per_patch"].reshape(images, -1).mean(axis=1), rtol=1e-6)
    assert result.mean() == pytest.approx(given.expected["mean"], rel=1e-6)
