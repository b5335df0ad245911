"""Reduction of values of any rank to one number per image, and the difference of two images of equal shape."""

from __future__ import annotations

from typing import Any

from img2imgkit.backend import ops

Tensor = Any


def mean_per_image(values: Tensor) -> Tensor:
    """Shapes: (N, ...) -> (N,)."""
    return ops.mean(values, axis=_all_but_images(values))


def sum_per_image(values: Tensor) -> Tensor:
    """Shapes: (N, ...) -> (N,)."""
    return ops.sum(values, axis=_all_but_images(values))


def difference(image: Tensor, target: Tensor) -> Tensor:
    """``image - target`` in float32; nothing is broadcast.

    Raises:
        ValueError: the shapes differ.
    """
    if len(image.shape) != len(target.shape):
        raise ValueError(f"image {tuple(image.shape)} and target {tuple(target.shape)} differ in rank")
    for actual, expected in zip(image.shape, target.shape, strict=True):
        if actual is not None and expected is not None and actual != expected:
            raise ValueError(f"image {tuple(image.shape)} and target {tuple(target.shape)} differ in shape")
    return ops.cast(image, "float32") - ops.cast(target, "float32")


def _all_but_images(values: Tensor) -> tuple[int, ...]:
    return tuple(range(1, len(values.shape)))
