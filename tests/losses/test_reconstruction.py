"""Reconstruction losses: closed forms, one number per image."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend, metrics
from img2imgkit.losses import charbonnier, frobenius, l1, l2, ms_ssim_loss, ssim_loss, total_variation

backend.load()


IMAGE = np.array([[0.0, 0.5], [1.0, -1.0]], np.float32).reshape(2, 1, 2, 1)
TARGET = np.array([[0.0, 0.0], [0.0, 1.0]], np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (l1, [0.25, 1.5]),
        (l2, [0.125, 2.5]),
        (charbonnier, [(1e-3 + math.hypot(0.5, 1e-3)) / 2, (math.hypot(1, 1e-3) + math.hypot(2, 1e-3)) / 2]),
    ],
)
def test_closed_form_per_image(loss, wanted) -> None:  # type: ignore[no-untyped-def]
    result = loss(IMAGE, TARGET)
    assert tuple(result.shape) == (2,)
    np.testing.assert_allclose(result, wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_half_precision_images_are_compared_in_float32(loss) -> None:  # type: ignore[no-untyped-def]
    from keras import ops

    result = loss(ops.cast(IMAGE, "bfloat16"), TARGET)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, loss(IMAGE, TARGET), rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="differ in shape"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match="differ in rank"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32))


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_weights_decide_which_pixels_count(loss) -> None:  # type: ignore[no-untyped-def]
    first = np.array([1.0, 0.0], np.float32).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(loss(IMAGE, TARGET, weight=first), loss(IMAGE[:, :, :1], TARGET[:, :, :1]), rtol=1e-6)
    np.testing.assert_allclose(loss(IMAGE, TARGET, weight=7 * np.ones_like(IMAGE)), loss(IMAGE, TARGET), rtol=1e-6)
    np.testing.assert_array_equal(loss(IMAGE, TARGET, weight=0 * first), [0, 0])


def test_frobenius_is_the_length_of_the_difference() -> None:
    np.testing.assert_allclose(frobenius(IMAGE, TARGET), [0.5, math.sqrt(5)], rtol=1e-6)


def test_total_variation_counts_steps_along_both_axes() -> None:
    image = np.array([[0.0, 1.0], [3.0, 0.0]], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(total_variation(image), [(3 + 1) / 2 + (1 + 3) / 2])
    np.testing.assert_allclose(total_variation(np.ones((2, 3, 3, 1), np.float32)), [0, 0])


class TestOfficial:
    LOSSES = (("L1Loss", l1), ("MSELoss", l2), ("CharbonnierLoss", partial(charbonnier, epsilon=1e-6)))

    @pytest.mark.parametrize(("name", "loss"), LOSSES)
    def test_mean_and_sum(self, name, loss) -> None:  # type: ignore[no-untyped-def]
        for kind in ("mean", "sum"):
            given = official.entry(f"BasicSR.{name}.{kind}")
            images = given.inputs["img_a"], given.inputs["img_b"]
            numbers = 1 if kind == "mean" else images[0].size
            result = given.args["loss_weight"] * numbers * float(np.mean(loss(*images)))
            assert result == pytest.approx(given.value, rel=1e-6)

    @pytest.mark.parametrize(("name", "loss"), LOSSES)
    @pytest.mark.parametrize("kind", ["weighted1", "weighted3"])
    def test_weighted_with_the_mean_over_the_batch(self, name, loss, kind) -> None:  # type: ignore[no-untyped-def]
        given = official.entry(f"BasicSR.{name}.{kind}")
        weight = given.inputs["weight"]
        result = np.asarray(loss(given.inputs["img_a"], given.inputs["img_b"], weight=weight))
        assert np.average(result, weights=weight.sum((1, 2, 3))) == pytest.approx(given.value, rel=1e-6)

    def test_charbonnier_with_the_epsilon_outside_the_square(self) -> None:
        given = official.entry("BasicSR.CharbonnierLoss.eps")
        result = charbonnier(given.inputs["img_a"], given.inputs["img_b"], epsilon=math.sqrt(given.args["eps"]))
        assert float(np.mean(result)) == pytest.approx(given.value, rel=1e-6)

    def test_total_variation(self) -> None:
        given = official.entry("BasicSR.WeightedTVLoss")
        result = given.args["loss_weight"] * float(np.mean(total_variation(given.inputs["img_a"])))
        assert result == pytest.approx(given.value, rel=1e-6)


backend.load()


def images(side: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A smooth image with some noise, and the same with other noise."""
    random = np.random.default_rng(4)
    waves = np.sin(np.linspace(0, 9, side))[:, None] * np.cos(np.linspace(0, 5, side + 3))[None]
    smooth = 0.7 * np.stack([waves * (0.5 + at / 4) for at in range(channels)], axis=-1)
    noisy = smooth + random.normal(scale=0.1, size=(2, 2, *smooth.shape))
    return tuple(np.clip(noisy, -1, 1).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3])
def test_one_minus_the_metric(channels: int) -> None:
    image, target = images(24, channels)
    wanted = [
        1 - metrics.ssim((first + 1) * 127.5, (second + 1) * 127.5) for first, second in zip(image, target, strict=True)
    ]
    np.testing.assert_allclose(ssim_loss(image, target), wanted, rtol=1e-5)


def test_five_scales_as_tensorflow_computes_them() -> None:
    import tensorflow as tf

    image, target = (each[:, :, :192] for each in images(192))  # TensorFlow pads odd sizes
    np.testing.assert_allclose(
        ms_ssim_loss(image, target), 1 - tf.image.ssim_multiscale(image + 1, target + 1, max_val=2.0), rtol=1e-4
    )


@pytest.mark.parametrize(("loss", "side"), [(ssim_loss, 11), (ms_ssim_loss, 176)])
def test_the_smallest_size_works_and_a_smaller_one_is_refused(loss: Callable[..., Any], side: int) -> None:
    image = np.zeros((1, side, side, 1), np.float32)
    np.testing.assert_allclose(loss(image, image), [0], atol=1e-6)
    with pytest.raises(ValueError, match=rf"at least {side}x{side} pixels, got shape \(1, {side - 1}, {side}, 1\)"):
        loss(image[:, 1:], image[:, 1:])


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_images_of_other_shapes_are_refused(loss: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        loss(np.zeros((2, 180, 180, 3), np.float32), np.zeros((2, 180, 180, 1), np.float32))


def test_opposite_images_have_a_finite_gradient() -> None:
    import tensorflow as tf

    image = tf.Variable(images(176, 1)[0][:1])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(ms_ssim_loss(image, -image.value()))
    assert np.isfinite(total)
    assert np.isfinite(tape.gradient(total, image)).all()
