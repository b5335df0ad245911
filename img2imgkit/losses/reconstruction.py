"""Pixel-wise losses between an image and its target; (N,) each."""

from __future__ import annotations

from typing import Any

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
