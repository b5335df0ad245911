"""What each format holds, and what a picture must give up to go into it."""

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
class Holds:
    """What a format holds.

    Attributes:
        spaces: all it holds; of them, ``alpha``: with transparency, ``deep``: with 16 bits a channel
        palette, bilevel: whether it has palettes, and pictures of 1 bit
        side: the most pixels along a side, or None where nothing practical limits it
        icc, exif, xmp, iptc, dpi, text: whether it has a place for these
    """

    spaces: tuple[Space, ...] = BOTH
    alpha: tuple[Space, ...] = ()
    deep: tuple[Space, ...] = ()
    palette: bool = False
    bilevel: bool = False
    side: int | None = None
    icc: bool = False
    exif: bool = False
    xmp: bool = False
    iptc: bool = False
    dpi: bool = False
    text: bool = False


FORMATS: Mapping[str, Holds] = MappingProxyType(
    {
        "AVIF": Holds(RGB, alpha=RGB, side=65536, icc=True, exif=True, xmp=True),
        "BMP": Holds(alpha=RGB, palette=True, bilevel=True, dpi=True),
        "GIF": Holds(alpha=BOTH, palette=True, side=65535, text=True),
        "JPEG": Holds(ALL, side=65500, icc=True, exif=True, xmp=True, iptc=True, dpi=True, text=True),
        "JPEG2000": Holds(alpha=BOTH, deep=BOTH),
        "PCX": Holds(palette=True, bilevel=True, side=65535, dpi=True),
        "PNG": Holds(
            alpha=BOTH, deep=BOTH, palette=True, bilevel=True, icc=True, exif=True, xmp=True, dpi=True, text=True
        ),
        "PPM": Holds(deep=BOTH, bilevel=True),
        "QOI": Holds(RGB, alpha=RGB),
        "SGI": Holds(alpha=RGB, deep=BOTH, side=65535),
        "TGA": Holds(alpha=BOTH, palette=True, side=65535),
        "TIFF": Holds(
            ALL, alpha=ALL, deep=ALL, palette=True, bilevel=True, icc=True, exif=True, xmp=True, iptc=True, dpi=True
        ),
        "WEBP": Holds(RGB, alpha=RGB, side=16383, icc=True, exif=True, xmp=True),
    }
)


def fit(picture: Picture, format: str) -> Picture:
    """The picture as far as a format holds it; what it gives up is in its notes.

    Raises:
        EncodeError: the format has no transparency, and the picture is not opaque; or the picture is too large for it.
    """
    holds = FORMATS[format]
    if holds.side is not None and max(picture.width, picture.height) > holds.side:
        raise EncodeError(
            f"{format} holds at most {holds.side} pixels a side, this picture has {picture.width}x{picture.height}:"
            " write PNG or TIFF, or put a 'resize' step before it"
        )
    picture = _fit_space(picture, holds, format)
    if picture.alpha is not None and picture.space not in holds.alpha:
        picture = _fit_alpha(picture, holds, format)
    if picture.depth == 16 and picture.space not in holds.deep:
        return noted(with_depth(picture, 8), f"{format} holds 8 bits a channel: 16 -> 8")
    return picture


def noted(picture: Picture, note: str) -> Picture:
    """The picture with one more note, unless it has it already."""
    return picture if note in picture.notes else replace(picture, notes=(*picture.notes, note))


def _fit_space(picture: Picture, holds: Holds, format: str) -> Picture:
    if picture.space in holds.spaces:
        return picture
    converted = to_rgb(picture)
    return noted(converted, f"{format} holds no CMYK: converted to RGB") if picture.space == "cmyk" else converted


def _fit_alpha(picture: Picture, holds: Holds, format: str) -> Picture:
    if is_opaque(picture):
        return noted(without_alpha(picture), f"{format} holds no alpha; it was opaque and left out")
    if "rgb" in holds.alpha and picture.space == "grey":
        return to_rgb(picture)
    raise EncodeError(
        f"{format} holds no transparency: put a 'convert' step with alpha: white, black or drop before it,"
        " or write a format that does (PNG, TIFF, WEBP)"
    )
