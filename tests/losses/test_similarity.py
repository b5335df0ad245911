"""Structural similarity as a loss: against the metric of that name, and TensorFlow's over five scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend, metrics

backend.load()

from img2imgkit.losses import ms_ssim_loss, ssim_loss  # noqa: E402


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
def test_shapes_that_would_broadcast_are_refused(loss: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        loss(np.zeros((2, 180, 180, 3), np.float32), np.zeros((2, 180, 180, 1), np.float32))


def test_opposite_images_have_a_finite_gradient() -> None:
    import tensorflow as tf

    image = tf.Variable(images(176, 1)[0][:1])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(ms_ssim_loss(image, -image.value()))
    assert np.isfinite(total)
    assert np.isfinite(tape.gradient(total, image)).all()
