"""Change a picture's size, at its own depth and without dark fringes at transparent edges."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

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
    """The picture with another size.

    Filters run on float32 levels, channel by channel, so 16 bits stay 16 bits. Where there is alpha, colours are
    weighted by it; a colour below wholly transparent pixels has no weight and does not shine through.

    Raises:
        ValueError: a side is less than one pixel.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture cannot be {width}x{height} pixels")
    if (width, height) == (picture.width, picture.height):
        return picture
    if method == "nearest":
        return _nearest(picture, width, height)
    chosen = _FILTERS[method]
    dtype = picture.color.dtype
    if picture.alpha is None:
        return picture.with_pixels(_rounded(_filtered(picture.color, width, height, chosen), dtype), None)
    weight = picture.alpha.astype(np.float32)
    alpha = _filtered(weight, width, height, chosen)
    color = _filtered(picture.color * weight, width, height, chosen)
    seen = alpha >= 0.5  # below, alpha rounds to nothing, and a colour divided by it would be noise
    color /= np.where(seen, alpha, 1)
    if not seen.all():
        color = np.where(seen, color, _filtered(picture.color, width, height, chosen))
    return picture.with_pixels(_rounded(color, dtype), _rounded(alpha, dtype))


def crop(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """The part of the picture with this corner and size.

    Raises:
        ValueError: it is empty, or reaches beyond the picture.
    """
    inside = left >= 0 and top >= 0 and left + width <= picture.width and top + height <= picture.height
    if width < 1 or height < 1 or not inside:
        raise ValueError(
            f"{width}x{height} pixels from ({left}, {top}) do not lie in {picture.width}x{picture.height} pixels"
        )
    window = np.s_[top : top + height, left : left + width]
    alpha = None if picture.alpha is None else picture.alpha[window].copy()
    return picture.with_pixels(picture.color[window].copy(), alpha)


def _nearest(picture: Picture, width: int, height: int) -> Picture:
    """Each pixel from the one whose area its centre lies in."""
    rows = (2 * np.arange(height) + 1) * picture.height // (2 * height)
    columns = (2 * np.arange(width) + 1) * picture.width // (2 * width)
    chosen = np.ix_(rows, columns)
    alpha = None if picture.alpha is None else picture.alpha[chosen]
    return picture.with_pixels(picture.color[chosen], alpha)


def _filtered(pixels: np.ndarray, width: int, height: int, chosen: Image.Resampling) -> np.ndarray:
    planes = (Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in np.moveaxis(pixels, -1, 0))
    return np.stack([np.asarray(plane.resize((width, height), chosen)) for plane in planes], axis=-1)


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.floor(np.clip(values, 0, np.iinfo(dtype).max).astype(np.float64) + 0.5).astype(dtype)
