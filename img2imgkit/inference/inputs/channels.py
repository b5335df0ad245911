"""A picture's channels on their way through networks: its colour space, what is seen through alpha, alpha itself.

Transparency is treated in portions of rows, so that a large picture is never held in float.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from img2imgkit.images import Picture, resize, to_grey, to_rgb, to_srgb
from img2imgkit.task import Geometry

_PORTION = 256  # rows; even, so that blocks of 2 x 2 do not cross
_REACH = 4  # rows that bicubic needs beyond a portion, and more


def to_model(picture: Picture, geometry: Geometry, keeps_grey: bool) -> Picture:
    """The picture in grey or RGB, as the networks read it.

    Where its translation has another space, it is brought to sRGB, since a profile explains the levels of one space
    only. Grey whose translation is in colour is repeated for networks that read three channels; colour gives its luma
    to networks that colour grey. Everything else stays as it is.
    """
    if picture.space == "cmyk":
        picture = to_rgb(picture)
    if picture.space == "rgb":
        if geometry.channels == geometry.written:
            return picture
        return to_grey(picture) if geometry.channels == 1 else to_srgb(picture)
    if geometry.written == 1 or (keeps_grey and geometry.channels == 3):
        return picture
    return to_rgb(picture) if geometry.channels == 3 else to_srgb(picture)


def from_model(picture: Picture, color: np.ndarray, alpha: np.ndarray | None) -> Picture:
    """The picture that ``to_model`` gave, with the pixels of its translation, in the space that they have.

    Shapes:
        color: (H, W, 1) or (H, W, 3); alpha: (H, W, 1); both of the picture's type
    """
    if color.shape[2] == picture.color.shape[2]:
        return picture.with_pixels(color, alpha)
    if color.shape[2] == 1:
        return replace(picture.with_pixels(color, alpha, "grey"), mode="L")
    return replace(picture.with_pixels(color, alpha, "rgb"), mode="RGB")


def filled(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour with the fully transparent pixels filled from the visible ones around them.

    What a file holds there is arbitrary, often black, and a network would smear it into the visible edge. Each hole
    takes the mean of the smallest aligned block (2, 4, 8, ... pixels) around it that has visible pixels, weighted by
    their alpha ("push-pull", Gortler et al. 1996, The Lumigraph, section 3.4.2).

    Shapes:
        color: (H, W, C), alpha: (H, W, 1), uint8 or uint16 -> (H, W, C) of the same type
    """
    if alpha.all() or not alpha.any():
        return color
    halves = [_halved(_weighted(color[rows], alpha[rows])) for rows in _portions(len(color))]
    coarse = _levels(_push_pull(np.concatenate(halves)), color.dtype)
    whole = color.copy()
    for rows in _portions(len(color)):
        around = _doubled(coarse[rows.start // 2 : -(-rows.stop // 2)], *color[rows].shape[:2])
        np.copyto(whole[rows], around, where=alpha[rows] == 0)
    return whole


def resampled(alpha: np.ndarray, scale: int) -> np.ndarray:
    """Alpha ``scale`` times as large: bicubic, clipped and rounded; what is opaque everywhere stays exactly opaque.

    Shapes:
        alpha: (H, W, 1), uint8 or uint16 -> (scale * H, scale * W, 1) of the same type
    """
    height, width = alpha.shape[:2]
    if alpha.min() == alpha.max():
        return np.full((scale * height, scale * width, 1), alpha.flat[0], alpha.dtype)
    parts = []
    for rows in _portions(height):
        first, last = max(0, rows.start - _REACH), min(height, rows.stop + _REACH)
        part = resize(Picture(alpha[first:last], space="grey"), scale * width, scale * (last - first), "bicubic").color
        parts.append(part[scale * (rows.start - first) : scale * (rows.stop - first)])
    return np.concatenate(parts)


def _portions(height: int) -> Iterator[slice]:
    for start in range(0, height, _PORTION):
        yield slice(start, min(start + _PORTION, height))


def _weighted(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour times weight, and the weight behind it.

    Shapes:
        (H, W, C), (H, W, 1) -> (H, W, C + 1), float32
    """
    weight = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    return np.concatenate([color * weight, weight], axis=-1, dtype=np.float32)


def _push_pull(sums: np.ndarray) -> np.ndarray:
    """Weighted means; where the weight is 0, the mean of the block around.

    Shapes:
        sums: (H, W, C + 1), weight last -> (H, W, C)
    """
    weight = sums[..., -1:]
    mean = sums[..., :-1] / np.maximum(weight, np.float32(1e-12))
    if (weight == 0).any() and max(weight.shape[:2]) > 1:
        np.copyto(mean, _doubled(_push_pull(_halved(sums)), *weight.shape[:2]), where=weight == 0)
    return mean


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of 2 x 2."""
    height, width = values.shape[:2]
    rows = np.add.reduceat(values, np.arange(0, height, 2), axis=0)
    return np.asarray(np.add.reduceat(rows, np.arange(0, width, 2), axis=1))


def _doubled(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Each value four times, as blocks of 2 x 2, cut to a size."""
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)[:height, :width]


def _levels(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.asarray(np.rint(values).clip(0, np.iinfo(dtype).max).astype(dtype))
