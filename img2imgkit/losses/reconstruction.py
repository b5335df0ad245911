"""Losses on a generated image and its target: distances, total variation, structural similarity; (N,) each."""

from __future__ import annotations

from typing import Any

import numpy as np

from img2imgkit.backend import ops
from img2imgkit.losses.reduction import difference, mean_per_image, sum_per_image

Tensor = Any


def l1(image: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference.

    Args:
        weight: weight of each pixel in the mean
    Shapes:
        image, target: (N, ...), any range; weight: the same shape, or 1 on any axis -> (N,) float32

    >>> image, target = ops.array([[1.0, -1.0], [0.0, 0.0]]), ops.zeros((2, 2))
    >>> l1(image, target).numpy()
    array([1., 0.], dtype=float32)
    >>> l1(image, target, weight=ops.array([[1.0, 0.0]])).numpy()
    array([1., 0.], dtype=float32)
    """
    return _weighted_mean(ops.abs(difference(image, target)), weight)


def l2(image: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared difference.

    Args:
        weight: weight of each pixel in the mean
    Shapes:
        image, target: (N, ...), any range; weight: the same shape, or 1 on any axis -> (N,) float32

    >>> l2(ops.array([[2.0, 0.0]]), ops.zeros((1, 2))).numpy()
    array([2.], dtype=float32)
    """
    return _weighted_mean(ops.square(difference(image, target)), weight)


def charbonnier(image: Tensor, target: Tensor, epsilon: float = 1e-3, weight: Tensor | None = None) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2): L1, smooth at zero (Lai et al. 2017, https://arxiv.org/abs/1704.03915, eq. 4).

    Args:
        weight: weight of each pixel in the mean
    Shapes:
        image, target: (N, ...), any range; weight: the same shape, or 1 on any axis -> (N,) float32

    >>> charbonnier(ops.array([[3.0], [0.0]]), ops.zeros((2, 1)), epsilon=4.0).numpy()
    array([5., 4.], dtype=float32)
    """
    return _weighted_mean(ops.sqrt(ops.square(difference(image, target)) + epsilon**2), weight)


def frobenius(image: Tensor, target: Tensor) -> Tensor:
    """Root of the summed squared difference.

    Shapes:
        image, target: (N, ...), any range -> (N,) float32

    >>> frobenius(ops.array([[3.0, 4.0]]), ops.zeros((1, 2))).numpy()
    array([5.], dtype=float32)
    """
    return ops.sqrt(ops.maximum(sum_per_image(ops.square(difference(image, target))), 1e-30))  # no derivative at 0


def total_variation(image: Tensor) -> Tensor:
    """Mean absolute difference between neighbours, of rows plus of columns (Rudin et al. 1992, anisotropic).

    Shapes:
        image: (N, H, W, C) with H, W >= 2, any range -> (N,) float32

    >>> steps = ops.reshape(ops.array([[0.0, 1.0], [0.0, 1.0]]), (1, 2, 2, 1))
    >>> total_variation(steps).numpy()
    array([1.], dtype=float32)
    """
    return l1(image[:, 1:], image[:, :-1]) + l1(image[:, :, 1:], image[:, :, :-1])


def _weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return mean_per_image(values)
    weight = ops.broadcast_to(ops.cast(weight, "float32"), ops.shape(values))
    return sum_per_image(values * weight) / ops.maximum(sum_per_image(weight), 1e-12)  # 0 if all weights are 0


_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # the dynamic range is 2, from -1 to 1
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents, finest scale first


def ssim_loss(image: Tensor, target: Tensor) -> Tensor:
    """One minus the structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861).

    Gaussian window of 11x11 with sigma 1.5, without padding; mean over positions and channels.

    Shapes:
        image, target: (N, H, W, C) of at least 11x11 in [-1, 1] -> (N,) float32 in [0, 2]
    Raises:
        ValueError: the shapes differ, or an image is smaller than the window.

    >>> image = ops.zeros((1, 11, 11, 3))
    >>> ssim_loss(image, image).numpy().round(4)
    array([0.], dtype=float32)
    """
    _check(image, target, "SSIM", _WINDOW)
    luminance, structure = _terms(ops.cast(image, "float32"), ops.cast(target, "float32"))
    return 1 - ops.mean(luminance * structure, axis=(1, 2, 3))


def ms_ssim_loss(image: Tensor, target: Tensor) -> Tensor:
    """One minus the multi-scale structural similarity, over five scales.

    Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216, eq. 7, for each channel.

    Shapes:
        image, target: (N, H, W, C) of at least 176x176 in [-1, 1] -> (N,) float32 in [0, 1]
    Raises:
        ValueError: the shapes differ, or the window does not fit at the coarsest scale.

    >>> image = ops.zeros((1, 176, 176, 1))
    >>> abs(ms_ssim_loss(image, image).numpy()).round(4)
    array([0.], dtype=float32)
    """
    _check(image, target, "MS-SSIM", _WINDOW * 2 ** (len(_SCALES) - 1))
    image, target = ops.cast(image, "float32"), ops.cast(target, "float32")
    similarity = 1.0
    for scale, exponent in enumerate(_SCALES):
        if scale:
            image, target = (ops.average_pool(each, 2, 2, "valid") for each in (image, target))
        luminance, structure = _terms(image, target)
        last = scale == len(_SCALES) - 1
        level = ops.mean(luminance * structure if last else structure, axis=(1, 2))  # (N, C)
        similarity = similarity * ops.power(ops.maximum(level, 1e-6), exponent)  # no derivative at 0
    return 1 - ops.mean(similarity, axis=-1)


def _terms(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure. Shapes: (N, H, W, C) -> (N, H - 10, W - 10, C) each."""
    mean_x, mean_y = _blur(x), _blur(y)
    variances = _blur(x * x) - mean_x**2 + _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    light_x, light_y = mean_x + 1, mean_y + 1  # black is 0
    luminance = (2 * light_x * light_y + _C1) / (light_x**2 + light_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variances + _C2)


def _blur(values: Tensor) -> Tensor:
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    kernel = np.tile((window / window.sum()).reshape(-1, 1, 1, 1), (1, 1, values.shape[-1], 1)).astype("float32")
    rows = ops.depthwise_conv(values, kernel, padding="valid")
    return ops.depthwise_conv(rows, kernel.transpose(1, 0, 2, 3), padding="valid")


def _check(image: Tensor, target: Tensor, name: str, side: int) -> None:
    shape = tuple(image.shape)
    if shape != tuple(target.shape):
        raise ValueError(f"image {shape} and target {tuple(target.shape)} differ in shape")
    if len(shape) != 4 or any(known is not None and known < side for known in shape[1:3]):
        raise ValueError(f"{name} needs images (N, H, W, C) of at least {side}x{side} pixels, got shape {shape}")
