"""Feature matching: closed forms and the weights of official code."""

from __future__ import annotations

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import feature_matching  # noqa: E402


def test_layers_have_equal_weight_whatever_their_size() -> None:
    fake = [np.zeros((2, 4, 4, 1), np.float32), np.zeros((2, 1, 1, 8), np.float32)]
    real = [fake[0] + 1, fake[1] - 3]
    np.testing.assert_allclose(feature_matching(fake, real), [2, 2])


def test_a_layer_missing_on_one_side_is_refused() -> None:
    one = np.zeros((1, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match="shorter"):
        feature_matching([one, one], [one])


def test_real_features_get_no_gradient() -> None:
    import tensorflow as tf

    fake, real = tf.Variable(tf.ones((1, 2))), tf.Variable(tf.zeros((1, 2)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(feature_matching([fake], [real]))
    of_fake, of_real = tape.gradient(total, [fake, real])
    np.testing.assert_allclose(of_fake, [[0.5, 0.5]])
    assert of_real is None


@pytest.mark.parametrize(
    ("name", "term", "layers"),
    [("pix2pixHD.Pix2PixHDModel.forward", "G_GAN_Feat", 4), ("SPADE.Pix2PixModel.losses", "GAN_Feat", 2)],
)
def test_official(name: str, term: str, layers: int) -> None:
    given = official.entry(name)
    fake, real = (
        [features for scale in given.inputs[side] for features in scale[:-1]] for side in ("feats_fake", "feats_real")
    )
    result = float(np.mean(feature_matching(fake, real)))
    assert given.args["lambda_feat"] * layers * result == pytest.approx(given.expected[term], rel=1e-6)
