"""Changes that a critic sees all images through, each a function of an image and of numbers drawn for it.

Differentiable augmentation, Zhao et al. 2020, https://arxiv.org/abs/2006.10738, as strong as in its official code. The
numbers are uniform in [0, 1), so that they do not depend on the images' size.
"""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any

_SHIFT = 1 / 8  # of the side, at most, in either direction
_CUT = 1 / 2  # of the side


def color(image: Tensor, numbers: Tensor) -> Tensor:
    """Brightness by +-0.5, saturation times 0 to 2, contrast times 0.5 to 1.5.

    A critic may see a source before the image, on the same pixels: the last three channels change, or all where there
    are fewer.

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
    """A shift by whole pixels, up to an eighth of each side; what moves in is 0.

    Shapes:
        image: (N, H, W, C); numbers: (N, 2) in [0, 1) -> (N, H, W, C)
    """
    count, height, width = ops.shape(image)[:3]
    (rows, row_inside), (columns, column_inside) = _moved(height, numbers[:, 0]), _moved(width, numbers[:, 1])
    pixels = ops.reshape(image, (-1, image.shape[-1]))  # one gather of pixels is far faster than one along each axis
    places = (ops.arange(count)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
    inside = ops.logical_and(row_inside[:, :, None, None], column_inside[:, None, :, None])
    return ops.take(pixels, places, axis=0) * ops.cast(inside, image.dtype)


def cutout(image: Tensor, numbers: Tensor) -> Tensor:
    """A rectangle of half of each side, centred anywhere, becomes 0.

    Shapes:
        image: (N, H, W, C); numbers: (N, 2) in [0, 1) -> (N, H, W, C)
    """
    rows, columns = (_cut(ops.shape(image)[axis], numbers[:, axis - 1]) for axis in (1, 2))
    cut = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return image * ops.cast(ops.logical_not(cut), image.dtype)


def _moved(side: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
    """Where along a side each pixel comes from, and whether that lies inside. Shapes: (N,) -> (N, side) each."""
    most = ops.cast(ops.floor(ops.cast(side, "float32") * _SHIFT + 0.5), "int32")
    places = ops.arange(side)[None, :] - (_whole(number, 2 * most + 1) - most)[:, None]
    return ops.clip(places, 0, side - 1), ops.logical_and(places >= 0, places < side)


def _cut(side: Tensor, number: Tensor) -> Tensor:
    """Which places along a side lie in the cut. Shapes: (N,) -> (N, side)."""
    length = ops.cast(ops.floor(ops.cast(side, "float32") * _CUT + 0.5), "int32")
    first = _whole(number, side + 1 - length % 2) - length // 2
    places = ops.arange(side)[None, :]
    return ops.logical_and(places >= first[:, None], places < first[:, None] + length)


def _whole(number: Tensor, count: Tensor) -> Tensor:
    """Uniform in [0, 1) -> one of ``count`` whole numbers from 0."""
    drawn = ops.floor(ops.cast(number, "float32") * ops.cast(count, "float32"))
    return ops.minimum(ops.cast(drawn, "int32"), ops.cast(count, "int32") - 1)
