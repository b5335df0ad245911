"""Distances of features: closed-form values, and the official code's."""

from __future__ import annotations

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend
from img2imgkit.losses import (
    feature_matching,
    frobenius,
    gram,
    l2,
    lpips,
    perceptual,
    style,
)

backend.load()


IMAGE = {"fine": np.zeros((1, 2, 2, 1), np.float32), "coarse": np.zeros((1, 1, 1, 3), np.float32)}
TARGET = {"fine": IMAGE["fine"] + 2, "coarse": IMAGE["coarse"] + 4}
WEIGHTS = {"fine": 0.5, "coarse": 2.0}


def test_perceptual_is_a_weighted_sum_over_taps() -> None:
    np.testing.assert_allclose(perceptual(IMAGE, TARGET, WEIGHTS), [0.5 * 2 + 2 * 4])
    np.testing.assert_allclose(perceptual(IMAGE, TARGET, WEIGHTS, l2), [0.5 * 4 + 2 * 16])
    np.testing.assert_allclose(perceptual(IMAGE, TARGET, {"fine": 1.0}, frobenius), [4], rtol=1e-6)


def test_the_error_names_a_missing_tap() -> None:
    with pytest.raises(KeyError, match="middle"):
        perceptual(IMAGE, TARGET, {"middle": 1.0})


def test_gram_measures_channels_that_are_active_together() -> None:
    features = np.array([[1.0, 2.0], [3.0, 0.0]], np.float32).reshape(1, 2, 1, 2)
    np.testing.assert_allclose(gram(features), [np.array([[10.0, 2.0], [2.0, 4.0]]) / 4])


def test_style_ignores_the_position_of_features() -> None:
    features = np.random.default_rng(0).normal(size=(1, 4, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(style({"a": features}, {"a": features[:, ::-1, ::-1]}, {"a": 1.0}), [0], atol=1e-6)
    np.testing.assert_allclose(
        style({"a": features}, {"a": 2 * features}, {"a": 0.5}), [1.5 * np.abs(gram(features)).mean()], rtol=1e-5
    )


def test_lpips_compares_directions_of_features() -> None:
    image = np.array([3.0, 4.0], np.float32).reshape(1, 1, 1, 2)
    target = np.array([1.0, 0.0], np.float32).reshape(1, 1, 1, 2)
    wanted = 2 * (0.6 - 1) ** 2 + 5 * 0.8**2
    np.testing.assert_allclose(
        lpips({"a": image}, {"a": target}, {"a": np.array([2.0, 5.0], np.float32)}), [wanted], rtol=1e-6
    )
    np.testing.assert_allclose(lpips({"a": image}, {"a": 9 * image}, {"a": np.ones(2, np.float32)}), [0], atol=1e-6)


def test_lpips_has_a_finite_gradient_at_zero_features() -> None:
    import tensorflow as tf

    features = tf.Variable(tf.zeros((1, 2, 2, 3)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(lpips({"a": features}, {"a": tf.ones((1, 2, 2, 3))}, {"a": np.ones(3, np.float32)}))
    assert float(total) == pytest.approx(1.0)
    assert np.isfinite(tape.gradient(total, features)).all()


def test_lpips_as_its_authors_compute_it() -> None:
    with np.load(official.FOLDER / "lpips.npz") as given:
        taps = range(5)
        image, target = (
            {tap: np.moveaxis(given[f"{side}_{tap}"], 1, -1) for tap in taps} for side in ("feat0", "feat1")
        )
        heads = {tap: given[f"lin{tap}.weight"].reshape(-1) for tap in taps}
        np.testing.assert_allclose(lpips(image, target, heads), given["value"], rtol=1e-6)
        for tap, wanted in zip(taps, given["per_layer"], strict=True):
            np.testing.assert_allclose(lpips(image, target, {tap: heads[tap]}), wanted, rtol=1e-6)


backend.load()


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
