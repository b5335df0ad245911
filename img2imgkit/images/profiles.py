"""ICC profiles: their colour space, and conversion to sRGB with LittleCMS at the picture's depth."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cache

import imagecodecs
import numpy as np
from PIL import ImageCms

from img2imgkit.images import colour_headers, colour_numbers
from img2imgkit.images.colour_numbers import Colours
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
    """Convert a picture to sRGB by the numbers that state its colours, or by its profile. Otherwise, sRGB is assumed.

    Grey stays grey, with sRGB's tone curve. A mismatched or broken profile is left out, and unknown numbers are kept,
    both with a note. HDR is clipped at the level of a white page, with a note.
    """
    if (colours := colour_numbers.stated(picture.metadata)) is not None and picture.space != "cmyk":
        return _from_numbers(picture, colours)
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
    return _as_srgb(converted)


def _from_numbers(picture: Picture, colours: Colours) -> Picture:
    if colours.to_light is None:
        return _noted(picture, f"its colours were not converted to sRGB, since they are not known: {colours.name}")
    if colours.hdr:
        converted = picture.with_pixels(colour_numbers.hdr_to_srgb(picture.color, colours), picture.alpha)
        note = f"HDR was converted to sRGB, which clips what is brighter than a white page: {colours.name}"
        return _noted(_as_srgb(converted), note)
    icc = colour_numbers.profile(colours, picture.space)
    return to_srgb(replace(picture, metadata=replace(picture.metadata, icc=icc, colour_chunks=())))


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
    """Remove the profile and the numbers that state the colours, so that the levels mean sRGB; with a note on HDR."""
    colours = colour_numbers.stated(picture.metadata)
    if colours is None or not colours.hdr:
        return _as_srgb(picture)
    return _noted(_as_srgb(picture), f"the levels are HDR, but no longer say so: {colours.name}")


def _as_srgb(picture: Picture) -> Picture:
    exif = picture.metadata.exif
    if exif is not None:
        with contextlib.suppress(ValueError):  # a damaged block states nothing
            exif = colour_headers.as_srgb(exif)
    return replace(picture, metadata=replace(picture.metadata, icc=None, exif=exif, colour_chunks=()))


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
