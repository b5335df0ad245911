"""Convert between levels and the networks' floats, and a picture's colour space, depth and alpha."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from img2imgkit.images import profiles
from img2imgkit.images.picture import Picture

_BLOCK = 1 << 15  # values that are converted at once: their intermediate results stay in the processor's cache


def to_unit(levels: np.ndarray) -> np.ndarray:
    """Convert levels to the networks' range.

    Shapes:
        levels: any shape, uint8 or uint16 -> the same shape, float32 in [-1, 1]
    """
    half = np.float32(np.iinfo(levels.dtype).max / 2)
    unit = levels.astype(np.float32)
    unit /= half
    unit -= np.float32(1)
    return unit


def to_levels(unit: np.ndarray, dtype: DTypeLike, out: np.ndarray | None = None) -> np.ndarray:
    """Convert the networks' range to levels: clipped to [-1, 1], then rounded half up.

    Args:
        out: a contiguous array of this type that receives them

    Shapes:
        unit: any shape, float32 -> the same shape, uint8 or uint16 by ``dtype``
    Raises:
        ValueError: a value is NaN or infinite.
    """
    levels = np.empty(unit.shape, dtype) if out is None else out
    flat, made = np.ascontiguousarray(unit).reshape(-1), levels.reshape(-1)
    half = np.iinfo(levels.dtype).max / 2
    exact: DTypeLike = np.float32 if levels.dtype == np.uint8 else np.float64  # what tells a half of so many levels
    scaled: np.ndarray = np.empty(min(_BLOCK, flat.size), exact)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        if not is_finite(part):
            raise ValueError("values must be finite, got NaN or infinity")
        wide = scaled[: len(part)]
        np.clip(part, -1, 1, out=wide)
        wide += 1
        wide *= half
        wide += 0.5
        made[start : start + len(part)] = wide  # cuts off the fraction, and no value is negative
    return levels


def is_finite(image: np.ndarray) -> bool:
    """Whether all values are finite. Shapes: any shape but an empty one, of floats."""
    return bool(np.isfinite(image.min()) and np.isfinite(image.max()))  # an extreme that is finite excludes NaN, too


LUMA = (299, 587, 114)  # per mille of red, green and blue (ITU-R BT.601), as in Pillow's conversion to L


def to_rgb(picture: Picture) -> Picture:
    """Convert to RGB: grey is repeated; CMYK is converted to sRGB by its profile, or without one as plain inks."""
    if picture.space == "rgb":
        return picture
    if picture.space == "cmyk":
        return replace(profiles.cmyk_to_srgb(picture), mode="RGB")
    plain = profiles.to_srgb(picture)  # a grey profile cannot be kept
    return replace(plain.with_pixels(np.repeat(plain.color, 3, axis=2), plain.alpha, "rgb"), mode="RGB")


def to_grey(picture: Picture) -> Picture:
    """Convert to grey, by the weights of BT.601 on sRGB levels."""
    if picture.space == "grey":
        return picture
    rgb = profiles.to_srgb(picture)
    weighted = (rgb.color.astype(np.uint32) * np.asarray(LUMA, np.uint32)).sum(axis=2, keepdims=True, dtype=np.uint32)
    grey = ((weighted + 500) // 1000).astype(rgb.color.dtype)
    return replace(rgb.with_pixels(grey, rgb.alpha, "grey"), mode="L")


def with_depth(picture: Picture, depth: Literal[8, 16]) -> Picture:
    """Convert to 8 or 16 bits per channel: multiplied by 257, or divided and rounded. 8 to 16 to 8 bits is exact."""
    if picture.depth == depth:
        return picture
    alpha = None if picture.alpha is None else _levels(picture.alpha, depth)
    return picture.with_pixels(_levels(picture.color, depth), alpha)


def without_alpha(picture: Picture, over: tuple[int, int, int] | None = None) -> Picture:
    """Remove transparency: composite over a colour of 8-bit levels, or keep the colours as stored if it is None."""
    if picture.alpha is None:
        return picture
    if over is None:
        return picture.with_pixels(picture.color, None)
    if picture.space == "cmyk" or (picture.space == "grey" and len(set(over)) > 1):
        picture = to_rgb(picture)
    top = np.iinfo(picture.color.dtype).max
    background = np.asarray(over[: picture.color.shape[2]], np.uint64) * (top // 255)
    alpha = picture.alpha.astype(np.uint64)  # type: ignore[union-attr]
    mixed = picture.color.astype(np.uint64) * alpha + background * (top - alpha)
    return picture.with_pixels(((2 * mixed + top) // (2 * top)).astype(picture.color.dtype), None)


def is_opaque(picture: Picture) -> bool:
    """Whether every pixel is fully opaque."""
    return picture.alpha is None or bool((picture.alpha == np.iinfo(picture.alpha.dtype).max).all())


def _levels(levels: np.ndarray, depth: int) -> np.ndarray:
    if depth == 16:
        return levels.astype(np.uint16) * np.uint16(257)
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
