"""Picture formats, by suffix and by content, as supported by the installed Pillow."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from PIL import Image, ImageFile

from img2imgkit.errors import DecodeError
from img2imgkit.images.format_support import FORMATS
from img2imgkit.images.limits import is_allowed
from img2imgkit.images.tiff_pages import main_first, pages

# Pillow registers these, but they are not supported here: stubs without a decoder, documents rendered by a program that
# Pillow starts (Ghostscript), video headers without pixels, and formats that need a Windows library.
EXCLUDED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"})

_COMMON = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF")  # identified unambiguously by their first bytes


@cache
def readable() -> frozenset[str]:
    """Return Pillow's names of the formats that ``decode`` reads."""
    Image.init()
    return frozenset(Image.OPEN) - EXCLUDED


@cache
def writable() -> frozenset[str]:
    """Return Pillow's names of the formats that ``encode`` writes."""
    Image.init()
    return frozenset(Image.SAVE) & frozenset(FORMATS)


@cache
def suffixes() -> Mapping[str, str]:
    """Map suffixes, in lower case with the dot, to the formats that ``decode`` reads."""
    names = readable()
    known = {suffix: format for suffix, format in Image.EXTENSION.items() if format in names}
    return MappingProxyType({**known, ".mpo": "JPEG"})


def format_of(path: PurePath) -> str | None:
    """Return the format of a path by its suffix, or None. Nothing is opened."""
    return suffixes().get(path.suffix.lower())


def is_image(path: Path) -> bool:
    """Whether a path has the suffix of a format that ``decode`` reads. Nothing is opened."""
    return path.suffix.lower() in suffixes()


def suffix_for(format: str) -> str:
    """Return the usual suffix of a format, such as ``.jpg`` for JPEG."""
    usual = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "PPM": ".ppm"}
    return usual.get(format, f".{format.lower()}")


def open_header(file: BinaryIO) -> ImageFile.ImageFile | None:
    """Read a picture's header, identifying the format by content; None if no allowed format recognises it.

    ``Image.open`` is not used because its size limit is global to the process.

    Raises:
        DecodeError: a format recognises the file but cannot read it.
    """
    file.seek(0)
    prefix = file.read(16)
    for format in filter(is_allowed, _by_commonness()):
        factory, accept = Image.OPEN[format]
        try:
            claimed = accept is None or accept(prefix)
            if not claimed or isinstance(claimed, str):  # a string states that support for the format is not installed
                continue
            if format == "TIFF":
                file = main_first(file, pages(file).main)
            file.seek(0)
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, KeyError, EOFError, ValueError, struct.error) as error:
            if format in _COMMON:
                reason = str(error) or type(error).__name__
                raise DecodeError(f"is damaged or an unsupported kind of {format}: {reason}") from error
    return None


@cache
def _by_commonness() -> tuple[str, ...]:
    names = readable()
    return tuple(name for name in _COMMON if name in names) + tuple(sorted(names.difference(_COMMON)))
