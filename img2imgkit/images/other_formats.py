"""Formats that Pillow does not read: recognised by content, read by their own decoders, which are imported on use."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from img2imgkit.errors import DecodeError
from img2imgkit.images import camera_raw, exr, heif, jpeg_xl
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.formats import OTHER_DECODERS, START, format_of_start
from img2imgkit.images.metadata import Metadata, ParsedMetadata, with_stated
from img2imgkit.images.raster import Raster

_HEADERS = {"JPEGXL": jpeg_xl.header, "HEIF": heif.header, "EXR": exr.header, "RAW": camera_raw.header}


def recognised(file: BinaryIO, name: PurePath) -> str | None:
    """Return the format if it is one of these, otherwise None.

    Camera raw files are recognised by suffix, unless the content is that of another format: most are built like TIFF.

    Raises:
        DecodeError: its decoder is not installed.
    """
    file.seek(0)
    found = format_of_start(file.read(START))
    if found in (None, "TIFF") and name.suffix.lower() in OTHER_DECODERS["RAW"].suffixes:
        found = "RAW"
    if found is None or found not in OTHER_DECODERS:
        return None
    decoder = OTHER_DECODERS[found]
    if not decoder.installed:
        raise DecodeError(f"is a {found} file; pip install {decoder.install!r} to read it")
    return found


def header(file: BinaryIO, format: str) -> tuple[int, int, str]:
    """Return the upright width and height, and the mode of the pixels. Raises DecodeError, or what decoders raise."""
    return _HEADERS[format](file)


def read(
    file: BinaryIO, format: str, float_levels: FloatLevels | None
) -> tuple[Raster, ParsedMetadata, tuple[str, ...]]:
    """Return upright pixels, metadata, and notes on what else the file holds.

    Raises:
        DecodeError: it cannot be read. Decoders may raise other errors if it is damaged.
    """
    if format == "JPEGXL":
        return jpeg_xl.read(file, float_levels)
    if format == "HEIF":
        return heif.read(file)
    if format == "EXR":
        raster, stated = exr.read(file, float_levels)
        return raster, with_stated(ParsedMetadata(Metadata()), stated), ()
    return camera_raw.read(file), ParsedMetadata(Metadata()), ()
