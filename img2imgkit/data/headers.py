"""Read a picture's upright size and its mode from the header, without decoding pixels."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

from img2imgkit.errors import DataError, DecodeError
from img2imgkit.images import formats, metadata, png_chunks, png_read, tiff_read
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
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Header(NamedTuple):
    """Width and height of the upright picture, and its mode as in Pillow, plus ";16" for 16 bits per channel."""

    width: int
    height: int
    mode: str


def header(path: Path) -> Header:
    """Read the header of a picture file; its content determines the format.

    Raises:
        DataError: the file cannot be read, is not a picture, or is CMYK, whose colours depend on a profile.
    """
    try:
        with path.open("rb") as file, captured_warnings():
            found, orientation = _read(file)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # decoders raise anything on damaged data
        reason = str(error) if isinstance(error, DecodeError) else f"is damaged: {error or type(error).__name__}"
        raise DataError(f"{shown(path)}: {reason}") from error
    if found.mode.startswith("CMYK"):
        raise DataError(f"{shown(path)}: is in cmyk; convert it to RGB first")
    return Header(found.height, found.width, found.mode) if orientation >= 5 else found


def _read(file: BinaryIO) -> tuple[Header, int]:
    start = file.read(16)
    if not start:
        raise DecodeError("is empty (0 bytes)")
    if start.startswith(png_chunks.SIGNATURE):
        return _png(file)
    if start[:4] in _TIFF_SIGNATURES:
        return _tiff(file)
    image = formats.open_header(file)
    if image is None:
        raise DecodeError("is not a picture in a supported format")
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
    page = tiff_read.first_page(file)
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
