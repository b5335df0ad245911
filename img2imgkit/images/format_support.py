"""What each format supports, and what a picture loses when it is written in one."""

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
        spaces: all it holds; of them, ``alpha``: with transparency, ``high_depth``: with 16 bits a channel
        palette, bilevel: whether it has palettes, and pictures of 1 bit
        side: the most pixels along a side, or None where nothing practical limits it
        icc, exif, xmp, iptc, dpi, text: whether it has a place for these
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


def fit(picture: Picture, format: str) -> Picture:
    """The picture as far as a format holds it; what it gives up is in its notes.

    Raises:
        EncodeError: the format has no transparency, and the picture is not opaque; or the picture is too large for it.
    """
    support = FORMATS[format]
    if support.side is not None and max(picture.width, picture.height) > support.side:
        raise EncodeError(
            f"{format} holds at most {support.side} pixels a side, this picture has {picture.width}x{picture.height}:"
            " write PNG or TIFF, or put a 'resize' step before it"
        )
    picture = _fit_space(picture, support, format)
    if picture.alpha is not None and picture.space not in support.alpha:
        picture = _fit_alpha(picture, support, format)
    if picture.depth == 16 and picture.space not in support.high_depth:
        return noted(with_depth(picture, 8), f"{format} holds 8 bits a channel: 16 -> 8")
    return picture


def noted(picture: Picture, note: str) -> Picture:
    """The picture with one more note, unless it has it already."""
    return picture if note in picture.notes else replace(picture, notes=(*picture.notes, note))


def _fit_space(picture: Picture, support: FormatSupport, format: str) -> Picture:
    if picture.space in support.spaces:
        return picture
    converted = to_rgb(picture)
    return noted(converted, f"{format} holds no CMYK: converted to RGB") if picture.space == "cmyk" else converted


def _fit_alpha(picture: Picture, support: FormatSupport, format: str) -> Picture:
    if is_opaque(picture):
        return noted(without_alpha(picture), f"{format} holds no alpha; it was opaque and left out")
    if "rgb" in support.alpha and picture.space == "grey":
        return to_rgb(picture)
    raise EncodeError(
        f"{format} holds no transparency: put a 'convert' step with alpha: white, black or drop before it,"
        " or write a format that does (PNG, TIFF, WEBP)"
    )
