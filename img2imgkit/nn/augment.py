"""Augmentations of a critic's input, each a function of images and of random numbers.

Differentiable augmentation, Zhao et al. 2020, https://arxiv.org/abs/2006.10738, as strong as in its official code. The
numbers are uniform in [0, 1) and independent of the image size.
"""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any

_SHIFT = 1 / 8  # of the side, at most, either way
_CUT = 1 / 2  # of the side


def color(image: Tensor, numbers: Tensor) -> Tensor:
    """Shift brightness by up to 0.5 either way, multiply saturation by 0 to 2 and contrast by 0.5 to 1.5.

    Only the last three channels change, since a conditional critic's input has its source in the channels before; fewer
    than three all change.

    Shapes:
        image: (N, H, W, C) in [-1, 1]; numbers: (N, 3) in [0, 1) -> (N, H, W, C)
    """
    source, picture = image[..., :-3], image[..., -3:]
    brightness, saturation, contrast = (
        ops.cast(ops.reshape(numbers[:, at], (-1, 1, 1, 1)), image.dtype) for at in range(3)
    )
    picture = picture + (brightness - 0.5)
    grey = ops.mean(picture, axis=-1, keepdims=True)
    picture = (picture - grey) * (2 * saturation) + grey
    level = ops.mean(picture, axis=(1, 2, 3), keepdims=True)
    picture = (picture - level) * (contrast + 0.5) + level
    return ops.concatenate([source, picture], axis=-1) if image.shape[-1] > 3 else picture


def translation(image: Tensor, numbers: Tensor) -> Tensor:
    """Shift by whole pixels, up to an eighth of each side, filled with 0.

    Shapes:
        image: (N, H, W, C); numbers: (N, 2) in [0, 1) -> (N, H, W, C)
    """
    count, height, width = ops.shape(image)[:3]
    (rows, row_inside), (columns, column_inside) = _moved(height, numbers[:, 0]), _moved(width, numbers[:, 1])
    pixels = ops.reshape(image, (-1, image.shape[-1]))  # one gather of pixels is far faster than one per axis
    places = (ops.arange(count)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
    inside = ops.logical_and(row_inside[:, :, None, None], column_inside[:, None, :, None])
    return ops.take(pixels, places, axis=0) * ops.cast(inside, image.dtype)


def cutout(image: Tensor, numbers: Tensor) -> Tensor:
    """Set a rectangle of half of each side, centred anywhere, to 0.

    Shapes:
        image: (N, H, W, C); numbers: (N, 2) in [0, 1) -> (N, H, W, C)
    """
    rows, columns = (_cut(ops.shape(image)[axis], numbers[:, axis - 1]) for axis in (1, 2))
    cut = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return image * ops.cast(ops.logical_not(cut), image.dtype)


def _moved(side: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
    """The source position of each pixel along a side, and whether it is inside. Shapes: (N,) -> (N, side) each."""
    most = ops.cast(ops.floor(ops.cast(side, "float32") * _SHIFT + 0.5), "int32")
    places = ops.arange(side)[None, :] - (_whole(number, 2 * most + 1) - most)[:, None]
    return ops.clip(places, 0, side - 1), ops.logical_and(places >= 0, places < side)


def _cut(side: Tensor, number: Tensor) -> Tensor:
    """Which positions along a side are cut. Shapes: (N,) -> (N, side)."""
    length = ops.cast(ops.floor(ops.cast(side, "float32") * _CUT + 0.5), "int32")
    first = _whole(number, side + 1 - length % 2) - length // 2
    places = ops.arange(side)[None, :]
    return ops.logical_and(places >= first[:, None], places < first[:, None] + length)


def _whole(number: Tensor, count: Tensor) -> Tensor:
    """Map a number in [0, 1) to an integer in [0, count)."""
    drawn = ops.floor(ops.cast(number, "float32") * ops.cast(count, "float32"))
    return ops.minimum(ops.cast(drawn, "int32"), ops.cast(count, "int32") - 1)
