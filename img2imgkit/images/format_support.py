"""What each format supports, and the conversion of a picture to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from img2imgkit.errors import EncodeError
from img2imgkit.images.conversions import is_opaque, to_rgb, with_depth, without_alpha
from img2imgkit.images.picture import Picture, Space

ALL: tuple[Space, ...] = ("grey", "rgb", "cmyk")
BOTH: tuple[Space, ...] = ("grey", "rgb")
RGB: tuple[Space, ...] = ("rgb",)


@dataclass(frozen=True)
class FormatSupport:
    """What a format can store.

    Attributes:
        spaces: the supported colour spaces; ``alpha``: those with transparency; ``high_depth``: those with 16 bits
        palette, bilevel: whether it supports palettes and 1-bit pictures
        side: the maximum number of pixels per side; None: no practical limit
        icc, exif, xmp, iptc, dpi, text: whether it can store these
    """

    spaces: tuple[Space, ...] = BOTH
    alpha: tuple[Space, ...] = ()
    high_depth: tuple[Space, ...] = ()
    palette: bool = False
    bilevel: bool = False
    side: int | None = None
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    iptc: bool = False
    dpi: bool = False
    text: bool = False


FORMATS: Mapping[str, FormatSupport] = MappingProxyType(
    {
        "AVIF": FormatSupport(RGB, alpha=RGB, side=65536, icc=True, exif=True, xmp=True),
        "BMP": FormatSupport(alpha=RGB, palette=True, bilevel=True, dpi=True),
        "GIF": FormatSupport(alpha=BOTH, palette=True, side=65535, text=True),
        "JPEG": FormatSupport(ALL, side=65500, icc=True, exif=True, xmp=True, iptc=True, dpi=True, text=True),
        "JPEG2000": FormatSupport(alpha=BOTH, high_depth=BOTH),
        "PCX": FormatSupport(palette=True, bilevel=True, side=65535, dpi=True),
        "PNG": FormatSupport(
            alpha=BOTH, high_depth=BOTH, palette=True, bilevel=True, icc=True, exif=True, xmp=True, dpi=True, text=True
        ),
        "PPM": FormatSupport(high_depth=BOTH, bilevel=True),
        "QOI": FormatSupport(RGB, alpha=RGB),
        "SGI": FormatSupport(alpha=RGB, high_depth=BOTH, side=65535),
        "TGA": FormatSupport(alpha=BOTH, palette=True, side=65535),
        "TIFF": FormatSupport(
            ALL,
            alpha=ALL,
            high_depth=ALL,
            palette=True,
            bilevel=True,
            icc=True,
            exif=True,
            xmp=True,
            iptc=True,
            dpi=True,
        ),
        "WEBP": FormatSupport(RGB, alpha=RGB, side=16383, icc=True, exif=True, xmp=True),
    }
)


def max_side(format: str) -> int | None:
    """Return the maximum width and height that a writable format can store; None: no practical limit."""
    return FORMATS[format].side


def fit(picture: Picture, format: str) -> Picture:
    """Convert a picture to what a format supports; losses are noted.

    Raises:
        EncodeError: the picture is not opaque and the format has no transparency, or the picture is too large for it.
    """
    support = FORMATS[format]
    if support.side is not None and max(picture.width, picture.height) > support.side:
        raise EncodeError(
            f"{format} supports at most {support.side} pixels per side, the picture is {picture.width}x{picture.height}"
            "; write PNG or TIFF, or add a 'resize' step before"
        )
    picture = _fit_space(picture, support, format)
    if picture.alpha is not None and picture.space not in support.alpha:
        picture = _fit_alpha(picture, support, format)
    if picture.depth == 16 and picture.space not in support.high_depth:
        return with_note(with_depth(picture, 8), f"{format} supports 8 bits per channel: 16 -> 8")
    return picture


def with_note(picture: Picture, note: str) -> Picture:
    """Return the picture with a note added, unless it has it already."""
    return picture if note in picture.notes else replace(picture, notes=(*picture.notes, note))


def _fit_space(picture: Picture, support: FormatSupport, format: str) -> Picture:
    if picture.space in support.spaces:
        return picture
    converted = to_rgb(picture)
    if picture.space == "cmyk":
        return with_note(converted, f"{format} does not support CMYK: converted to RGB")
    return converted


def _fit_alpha(picture: Picture, support: FormatSupport, format: str) -> Picture:
    if is_opaque(picture):
        return with_note(without_alpha(picture), f"{format} does not support alpha: opaque alpha removed")
    if "rgb" in support.alpha and picture.space == "grey":
        return to_rgb(picture)
    raise EncodeError(
        f"{format} does not support transparency; add a 'convert' step with alpha: white, black or drop before,"
        " or write PNG, TIFF or WEBP"
    )
