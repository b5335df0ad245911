"""Losses that compare an image with the one it should be, pixel by pixel; (N,) each."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any


def l1(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference.

    Shapes:
        image, target: (N, ...), any range -> (N,) float32
    """
    return _per_image(ops.abs(_difference(image, target)))


def l2(image: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference.

    Shapes:
        image, target: (N, ...), any range -> (N,) float32
    """
    return _per_image(ops.square(_difference(image, target)))


def charbonnier(image: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2): L1, smooth at zero (Lai et al. 2017, https://arxiv.org/abs/1704.03915, eq. 4).

    Shapes:
        image, target: (N, ...), any range -> (N,) float32
    """
    return _per_image(ops.sqrt(ops.square(_difference(image, target)) + epsilon**2))


def _difference(image: Tensor, target: Tensor) -> Tensor:
    if len(image.shape) != len(target.shape):
        raise ValueError(f"image {tuple(image.shape)} and target {tuple(target.shape)} differ in rank")
    for mine, wanted in zip(image.shape, target.shape, strict=True):
        if mine is not None and wanted is not None and mine != wanted:
            raise ValueError(f"image {tuple(image.shape)} and target {tuple(target.shape)} differ in shape")
    return ops.cast(image, "float32") - ops.cast(target, "float32")


def _per_image(values: Tensor) -> Tensor:
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))
