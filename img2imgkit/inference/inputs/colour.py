"""The space that a picture goes through the networks in, and the one that its translation has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from img2imgkit.images import Picture, to_grey, to_rgb, to_srgb
from img2imgkit.task import Geometry


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
