"""The headers of picture files: size and mode, without decoding."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

from img2imgkit.errors import DataError, DecodeError
from img2imgkit.files import NotRegularError, open_regular
from img2imgkit.images import (
    FloatLevels,
    bounds,
    formats,
    metadata,
    other_formats,
    png_chunks,
    png_read,
    tiff,
    tiff_pages,
)
from img2imgkit.images.decode import shown
from img2imgkit.images.pillow_warnings import captured_warnings

_PNG_MODES = {
    png_read.GREY: "L",
    png_read.RGB: "RGB",
    png_read.PALETTE: "P",
    png_read.GREY_ALPHA: "LA",
    png_read.RGB_ALPHA: "RGBA",
}
_BITS_PER_SAMPLE = 258  # a TIFF tag; Pillow's mode does not distinguish 16-bit RGB


class Header(NamedTuple):
    """Width and height of the upright picture, and its mode.

    Modes are those of Pillow, plus ";16" for 16 bits per channel; in formats that Pillow does not read, the format.
    """

    width: int
    height: int
    mode: str


def header(path: Path) -> Header:
    """Read the header of a picture file; its content determines the format.

    Raises:
        DataError: the file cannot be read, is not a picture, has floating-point levels, whose white point is unknown,
            or is CMYK, whose colours depend on a profile.
    """
    try:
        with open_regular(path) as file, captured_warnings():
            other = other_formats.recognised(file, path)
            bounds.check(file)
            file.seek(0)
            found, orientation = (_other(file, other), 1) if other else _read(file)
    except NotRegularError as error:
        raise DataError(f"{shown(path)}: {error.strerror}") from error
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # decoders raise anything on damaged data
        reason = str(error) if isinstance(error, DecodeError) else f"is damaged: {error or type(error).__name__}"
        raise DataError(f"{shown(path)}: {reason}") from error
    if found.mode.startswith("CMYK"):
        raise DataError(f"{shown(path)}: is in cmyk; convert it to RGB first")
    return Header(found.height, found.width, found.mode) if orientation >= 5 else found


def _other(file: BinaryIO, format: str) -> Header:
    if other_formats.is_float(file, format):
        raise DecodeError(FloatLevels.UNSTATED)
    return Header(*other_formats.size(file, format), format)


def _read(file: BinaryIO) -> tuple[Header, int]:
    start = file.read(16)
    if not start:
        raise DecodeError("is empty (0 bytes)")
    if start.startswith(png_chunks.SIGNATURE):
        return _png(file)
    if start[:4] in tiff.STARTS:
        return _tiff(file)
    image = formats.open_header(file)
    if image is None:
        raise DecodeError("is not a picture in a supported format")
    if image.mode == "F":
        raise DecodeError(FloatLevels.UNSTATED)
    return Header(*image.size, image.mode), metadata.parsed_or_empty(metadata.of_image, image).orientation


def _png(file: BinaryIO) -> tuple[Header, int]:
    head = png_read.header(file)
    about = metadata.parsed_or_empty(metadata.of_png, png_chunks.read(file))
    mode = _PNG_MODES[head.colour]
    if mode == "L":
        mode = {1: "1", 2: "L;2", 4: "L;4", 16: "I;16"}.get(head.bits, mode)
    elif head.bits == 16:
        mode = f"{mode};16"
    return Header(head.width, head.height, mode), about.orientation


def _tiff(file: BinaryIO) -> tuple[Header, int]:
    file = tiff_pages.main_first(file, tiff_pages.pages(file).main)
    page = tiff.first_page(file)
    if page.is_float:
        raise DecodeError(FloatLevels.UNSTATED)
    orientation = metadata.parsed_or_empty(metadata.of_tiff, file).orientation
    try:
        image = formats.open_header(file)
    except DecodeError:  # more bits than Pillow supports
        image = None
    if image is None:
        mode = {1: "I;16", 3: "RGB;16", 4: "RGBA;16"}.get(page.samples, f"{page.samples} channels")
    else:
        high_depth = max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))) > 8 and image.mode.startswith("RGB")
        mode = f"{image.mode};16" if high_depth else image.mode
    return Header(page.width, page.height, mode), orientation
