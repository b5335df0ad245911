"""ICC profiles: their colour space, and conversion to sRGB with LittleCMS at the picture's depth."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import imagecodecs
import numpy as np
from PIL import ImageCms

from img2imgkit.images.picture import Picture, Space

_SIGNATURES: dict[bytes, Space] = {b"GRAY": "grey", b"RGB ": "rgb", b"CMYK": "cmyk"}
_COLOURSPACES = {"grey": "gray", "rgb": "rgb", "cmyk": "cmyk"}


class BrokenProfile(ValueError):
    """A profile that LittleCMS cannot read or use."""


def space_of(icc: bytes) -> Space | None:
    """Return the colour space of a profile, or None if it is damaged or of an unsupported space."""
    return _SIGNATURES.get(icc[16:20]) if len(icc) >= 128 and icc[36:40] == b"acsp" else None


@cache
def srgb() -> bytes:
    """Return an sRGB profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def to_srgb(picture: Picture) -> Picture:
    """Convert a picture to sRGB by its profile. Without a profile, sRGB is assumed.

    Grey stays grey, with sRGB's tone curve. A mismatched or broken profile is left out, with a note.
    """
    icc = picture.metadata.icc
    if icc is None:
        return cmyk_to_srgb(picture) if picture.space == "cmyk" else picture
    if space_of(icc) != picture.space:
        return _noted(without_profile(picture), "its ICC profile does not match its colour space and was left out")
    try:
        color = _transformed(picture.color, icc, picture.space)
    except BrokenProfile as error:
        return _noted(without_profile(picture), f"its ICC profile is broken and was left out: {error}")
    if picture.space == "grey":
        color = np.ascontiguousarray(color[..., :1])  # LittleCMS returns RGB, neutral for grey
    converted = picture.with_pixels(color, picture.alpha, "grey" if picture.space == "grey" else "rgb")
    return without_profile(converted)


def cmyk_to_srgb(picture: Picture) -> Picture:
    """Convert a CMYK picture to sRGB by its profile, or without one as plain inks, (1 - ink) (1 - black)."""
    icc = picture.metadata.icc
    if icc is not None:
        converted = to_srgb(picture)
        if converted.space == "rgb":
            return converted
        picture = converted
    top = np.iinfo(picture.color.dtype).max
    light = (top - picture.color).astype(np.uint64)
    color = (2 * light[..., :3] * light[..., 3:] + top) // (2 * top)
    return picture.with_pixels(color.astype(picture.color.dtype), picture.alpha, "rgb")


def without_profile(picture: Picture) -> Picture:
    """Remove the profile and PNG's colour chunks, so that the levels mean sRGB."""
    return replace(picture, metadata=replace(picture.metadata, icc=None, colour_chunks=()))


def _transformed(color: np.ndarray, icc: bytes, space: Space) -> np.ndarray:
    """Convert (H, W, 1 | 3 | 4) by a profile to (H, W, 3) sRGB, relative colorimetric with black point compensation."""
    flags = int(imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION)
    if color.dtype == np.uint16:
        # The optimised path for 16 bits is off by thousands of levels in dark colours.
        flags |= imagecodecs.CMS.FLAGS.NOOPTIMIZE
    try:
        return imagecodecs.cms_transform(
            color[..., 0] if space == "grey" else color,
            icc,
            srgb(),
            colorspace=_COLOURSPACES[space],
            outcolorspace="rgb",
            outdtype=color.dtype,
            intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
            flags=flags,
        )
    except Exception as error:
        raise BrokenProfile(" ".join(str(error).split())) from error


def _noted(picture: Picture, note: str) -> Picture:
    return replace(picture, notes=(*picture.notes, note))
