"""Resize and crop pictures at their full depth, without dark fringes at transparent edges."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from img2imgkit.images.affine import Affine
from img2imgkit.images.picture import Picture

Method = Literal["lanczos", "bicubic", "bilinear", "box", "nearest"]
_FILTERS: dict[Method, Image.Resampling] = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}


def resize(picture: Picture, width: int, height: int, method: Method = "lanczos") -> Picture:
    """Resize a picture.

    Filters operate on float32 levels, per channel, so 16 bits are kept. Colours are weighted by alpha, so that colours
    of fully transparent pixels do not bleed.

    Raises:
        ValueError: a side is less than one pixel.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture needs at least 1x1 pixels, got {width}x{height}")
    if (width, height) == (picture.width, picture.height):
        return picture
    if method == "nearest":
        return _nearest(picture, width, height)
    kernel = _FILTERS[method]
    dtype = picture.color.dtype
    if picture.alpha is None:
        return picture.resized(_rounded(_filtered(picture.color, width, height, kernel), dtype), None)
    weight = picture.alpha.astype(np.float32)
    alpha = _filtered(weight, width, height, kernel)
    color = _filtered(picture.color * weight, width, height, kernel)
    visible = alpha >= 0.5  # below, alpha rounds to 0, and colours divided by it would be noise
    color /= np.where(visible, alpha, 1)
    if not visible.all():
        color = np.where(visible, color, _filtered(picture.color, width, height, kernel))
    return picture.resized(_rounded(color, dtype), _rounded(alpha, dtype))


def crop(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """Crop a picture to the region with this top left corner and size.

    Raises:
        ValueError: the region is empty or exceeds the picture.
    """
    inside = left >= 0 and top >= 0 and left + width <= picture.width and top + height <= picture.height
    if width < 1 or height < 1 or not inside:
        raise ValueError(
            f"{width}x{height} pixels at ({left}, {top}) are not inside {picture.width}x{picture.height} pixels"
        )
    window = np.s_[top : top + height, left : left + width]
    alpha = None if picture.alpha is None else picture.alpha[window].copy()
    return picture.with_pixels(picture.color[window].copy(), alpha, by=Affine.shift(-left, -top))


def _nearest(picture: Picture, width: int, height: int) -> Picture:
    """Resize by nearest neighbour: each pixel is the one whose area contains its centre."""
    rows = (2 * np.arange(height) + 1) * picture.height // (2 * height)
    columns = (2 * np.arange(width) + 1) * picture.width // (2 * width)
    chosen = np.ix_(rows, columns)
    alpha = None if picture.alpha is None else picture.alpha[chosen]
    return picture.resized(picture.color[chosen], alpha)


def _filtered(pixels: np.ndarray, width: int, height: int, kernel: Image.Resampling) -> np.ndarray:
    planes = (Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in np.moveaxis(pixels, -1, 0))
    return np.stack([np.asarray(plane.resize((width, height), kernel)) for plane in planes], axis=-1)


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.floor(np.clip(values, 0, np.iinfo(dtype).max).astype(np.float64) + 0.5).astype(dtype)
