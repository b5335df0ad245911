"""Formats that Pillow does not read: recognised by content, read by their own decoders, which are imported on use."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from img2imgkit.errors import DecodeError
from img2imgkit.images import camera_raw, exr, heif, jpeg_xl, jpeg_xl_header
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
    width, height, mode = _HEADERS[format](file)
    if _is_float(file, format):
        mode = "F" if mode.startswith("I") else f"{mode.partition(';')[0]};F"
    return width, height, mode


def _is_float(file: BinaryIO, format: str) -> bool:
    """Whether the levels are floating-point numbers, by the header. Raises DecodeError."""
    return format == "EXR" or (format == "JPEGXL" and jpeg_xl_header.header(file).is_float)


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
