"""Convert a picture's channels for networks and back: colour space, transparent pixels, alpha beside or among colours.

Transparency is processed in blocks of rows, so that a large picture is never completely in float.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from img2imgkit.images import Picture, contiguous, empty_pixels, release_pixels, resize, to_grey, to_rgb, to_srgb
from img2imgkit.task import Geometry

_PORTION = 256  # rows; even, so that no block of 2 x 2 pixels is split
_REACH = 4  # rows around a portion, at least as many as bicubic interpolation reads


def to_model(picture: Picture, geometry: Geometry, keeps_grey: bool) -> Picture:
    """Convert a picture to what the networks read, in training and afterwards: grey or RGB, transparent pixels filled.

    If its translation is in another space, the picture is converted to sRGB, because its profile describes only its own
    space. Grey pictures with a colour translation are repeated for networks that read three channels; colour pictures
    are reduced to luma (BT.601) for networks that read one. All others are unchanged, as are colour pictures for tasks
    that keep grey: their one-channel networks improve each channel separately. Networks that read alpha get transparent
    pixels as they are.
    """
    picture = _in_space(to_rgb(picture) if picture.space == "cmyk" else picture, geometry, keeps_grey)
    return picture if geometry.has_alpha else without_hidden_colours(picture)


def levels_read(picture: Picture, geometry: Geometry) -> np.ndarray:
    """What networks read of a picture from ``to_model``: its colours, and alpha after them if they read alpha.

    A picture without alpha is opaque.

    Shapes:
        -> (H, W, C) or (H, W, C + 1) of the picture's type; C is 1 or 3
    """
    if not geometry.has_alpha:
        return picture.color
    height, width, channels = picture.color.shape
    joined = empty_pixels((height, width, channels + 1), picture.color.dtype)
    for rows in _portions(height):
        joined[rows, :, :channels] = picture.color[rows]
        opaque = np.iinfo(joined.dtype).max
        joined[rows, :, channels:] = opaque if picture.alpha is None else picture.alpha[rows]
        release_pixels(joined, picture.color)
    return joined


def apart(levels: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Split what networks that write alpha have made of ``levels_read`` into colours and alpha.

    Args:
        alpha: the picture's own. If there is none, none is returned; if it is opaque everywhere, it stays so.

    Shapes:
        levels: (H, W, C + 1) -> (H, W, C), and (H, W, 1) or None
    """
    color = contiguous(levels[..., :-1])
    if alpha is None:
        return color, None
    opaque = np.iinfo(levels.dtype).max
    if alpha.min() == opaque:
        levels[..., -1:] = opaque
    return color, contiguous(levels[..., -1:])


def _in_space(picture: Picture, geometry: Geometry, keeps_grey: bool) -> Picture:
    if picture.space == "rgb":
        if geometry.channels == geometry.written >= 3 or (keeps_grey and geometry.channels == geometry.written):
            return picture
        return to_grey(picture) if geometry.channels == 1 else to_srgb(picture)
    if geometry.written == 1 or (keeps_grey and geometry.channels >= 3):
        return picture
    return to_rgb(picture) if geometry.channels >= 3 else to_srgb(picture)


def without_hidden_colours(picture: Picture) -> Picture:
    """Fill fully transparent pixels, see ``filled``; alpha stays."""
    if picture.alpha is None:
        return picture
    return picture.with_pixels(filled(picture.color, picture.alpha), picture.alpha)


def from_model(picture: Picture, color: np.ndarray, alpha: np.ndarray | None) -> Picture:
    """Replace the pixels of a picture from ``to_model`` with its translation, in the translation's space.

    Shapes:
        color: (H, W, 1), (H, W, 3), or (H, W, 4) with alpha; alpha: (H, W, 1); both of the picture's type
    """
    if color.shape[2] == 4:
        color, alpha = color[..., :3], color[..., 3:]
    if color.shape[2] == picture.color.shape[2]:
        return picture.resized(color, alpha)
    if color.shape[2] == 1:
        return replace(picture.resized(color, alpha, "grey"), mode="L")
    return replace(picture.resized(color, alpha, "rgb"), mode="RGB")


def cut_out(picture: Picture, mask: Picture) -> Picture:
    """The picture with a mask of its size, a grey picture, as its alpha, times the alpha that it has."""
    visible = mask.color
    if picture.alpha is not None:
        top = np.iinfo(visible.dtype).max
        visible = ((visible.astype(np.uint64) * picture.alpha + top // 2) // top).astype(visible.dtype)
    picture = to_rgb(picture) if picture.space == "cmyk" else picture
    return picture.with_pixels(picture.color, visible)


def filled(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Fill fully transparent pixels with the colour of visible pixels around them.

    Their stored colour is arbitrary, often black, and a network would blend it into the visible edge. Each hole gets
    the alpha-weighted mean of the smallest aligned block (2, 4, 8, ... pixels) that contains visible pixels
    ("push-pull", Gortler et al. 1996, The Lumigraph, section 3.4.2).

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
    """Upsample alpha by bicubic interpolation, clipped and rounded; constant alpha stays exactly constant.

    Shapes:
        alpha: (H, W, 1), uint8 or uint16 -> (scale * H, scale * W, 1) of the same type
    """
    height, width = alpha.shape[:2]
    if alpha.min() == alpha.max():
        constant = empty_pixels((scale * height, scale * width, 1), alpha.dtype)
        constant[...] = alpha.flat[0]
        return constant
    found = empty_pixels((scale * height, scale * width, 1), alpha.dtype)
    for rows in _portions(height):
        first, last = max(0, rows.start - _REACH), min(height, rows.stop + _REACH)
        large = resize(Picture(alpha[first:last], space="grey"), scale * width, scale * (last - first), "bicubic").color
        found[scale * rows.start : scale * rows.stop] = large[
            scale * (rows.start - first) : scale * (rows.stop - first)
        ]
        release_pixels(found, alpha)
    return found


def _portions(height: int) -> Iterator[slice]:
    for start in range(0, height, _PORTION):
        yield slice(start, min(start + _PORTION, height))


def _weighted(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour times alpha, with alpha in [0, 1] as the last channel.

    Shapes:
        (H, W, C), (H, W, 1) -> (H, W, C + 1), float32
    """
    weight = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    return np.concatenate([color * weight, weight], axis=-1, dtype=np.float32)


def _push_pull(sums: np.ndarray) -> np.ndarray:
    """Weighted means; where the weight is 0, the mean of the surrounding block.

    Shapes:
        sums: (H, W, C + 1), weight last -> (H, W, C)
    """
    weight = sums[..., -1:]
    mean = sums[..., :-1] / np.maximum(weight, np.float32(1e-12))
    if (weight == 0).any() and max(weight.shape[:2]) > 1:
        np.copyto(mean, _doubled(_push_pull(_halved(sums)), *weight.shape[:2]), where=weight == 0)
    return mean


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of 2 x 2 pixels."""
    height, width = values.shape[:2]
    rows = np.add.reduceat(values, np.arange(0, height, 2), axis=0)
    return np.asarray(np.add.reduceat(rows, np.arange(0, width, 2), axis=1))


def _doubled(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Repeat each value as a block of 2 x 2 pixels, and crop to a size."""
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)[:height, :width]


def _levels(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.asarray(np.rint(values).clip(0, np.iinfo(dtype).max).astype(dtype))
