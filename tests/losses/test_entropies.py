"""Cross entropies, PatchNCE, KL divergence: closed-form values, and the official code's."""

from __future__ import annotations

import math

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend
from img2imgkit.losses import (
    binary_cross_entropy,
    cross_entropy,
    kl_divergence,
    patch_nce,
)

backend.load()


LOGITS = np.array([[0.0, 0.0], [2.0, -1.0]], np.float32)
LABELS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


def test_attributes_are_independent() -> None:
    wanted = [2 * math.log(2), math.log1p(math.exp(2)) + math.log1p(math.exp(1))]
    np.testing.assert_allclose(binary_cross_entropy(LOGITS, LABELS), wanted, rtol=1e-6)


def test_classes_share_one_probability() -> None:
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS), [math.log(2), math.log1p(math.exp(3))], rtol=1e-6)


def test_both_stay_finite_for_extreme_logits() -> None:
    for loss in (binary_cross_entropy, cross_entropy):
        assert np.isfinite(loss(LOGITS * 1e6, LABELS)).all()


def test_official_attributes() -> None:
    given = official.entry("StarGAN.classification_loss.CelebA")
    result = binary_cross_entropy(given.inputs["logits"], given.inputs["target"])
    assert float(np.mean(result)) == pytest.approx(given.value, rel=1e-6)


def test_official_classes() -> None:
    given = official.entry("StarGAN.classification_loss.RaFD")
    logits = given.inputs["logits"]
    labels = np.eye(logits.shape[1], dtype=np.float32)[given.inputs["target_ids"]]
    assert float(np.mean(cross_entropy(logits, labels))) == pytest.approx(given.value, rel=1e-6)


backend.load()


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


backend.load()


def test_closed_form_per_image() -> None:
    mean, log_variance = np.array([[0.0, 0.0], [2.0, -1.0]], np.float32), np.log([[1.0, 1.0], [1.0, 4.0]])
    wanted = [0.0, 2.0 + (1 + 4 - math.log(4) - 1) / 2]
    np.testing.assert_allclose(kl_divergence(mean, log_variance), wanted, rtol=1e-6, atol=1e-7)


def test_spade_takes_the_sum_over_images() -> None:
    given = official.entry("SPADE.KLDLoss")
    result = kl_divergence(given.inputs["mu"], given.inputs["logvar"])
    assert float(np.sum(result)) == pytest.approx(given.value, rel=1e-6)
    given = official.entry("SPADE.Pix2PixModel.losses")
    result = kl_divergence(given.inputs["mu"], given.inputs["logvar"])
    assert given.args["lambda_kld"] * float(np.sum(result)) == pytest.approx(given.expected["KLD"], rel=1e-6)
