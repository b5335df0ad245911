"""The size and mode of a picture by its header, without decoding it."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from img2imgkit.errors import DecodeError
from img2imgkit.files import open_regular
from img2imgkit.images import (
    bounds,
    exif_block,
    formats,
    jpeg_segments,
    metadata,
    other_formats,
    png_chunks,
    png_read,
    tiff,
    tiff_pages,
)
from img2imgkit.images.decode import reasons
from img2imgkit.images.pillow_warnings import captured_warnings

_JPEG_START = b"\xff\xd8"
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


_PNG_MODES = {
    png_read.GREY: "L",
    png_read.RGB: "RGB",
    png_read.PALETTE: "P",
    png_read.GREY_ALPHA: "LA",
    png_read.RGB_ALPHA: "RGBA",
}
_BITS_PER_SAMPLE = 258  # a TIFF tag; Pillow's mode does not distinguish 16-bit RGB


class Header(NamedTuple):
    """Width and height of the upright picture, and its mode as in Pillow.

    The mode ends in ";16" for 16 bits per channel, and in ";F" for floating-point levels of colours.
    """

    width: int
    height: int
    mode: str

    @property
    def is_float(self) -> bool:
        """Whether the levels are floating-point numbers, whose white point no file states."""
        return self.mode == "F" or self.mode.endswith(";F")


def header_of(path: Path) -> Header:
    """Read the header of a picture file; its format is determined as by ``decode``.

    Raises:
        DecodeError: the file cannot be read, is not a picture, or its header is damaged or absurd.
    """
    with reasons(path), open_regular(path) as file, captured_warnings():
        bounds.check(file)
        return _header(file, path)


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the upright width and height that a picture's header states; None if it cannot be read."""
    # Decoders may raise anything; decoding will state the reason.
    with contextlib.suppress(Exception), open_regular(path) as file, captured_warnings():
        return _jpeg_size(file) or _header(file, path)[:2]
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return the size by the segments of a JPEG file: plans read many. None if Pillow must look."""
    if file.read(2) != _JPEG_START:
        return None
    orientation = 1
    for segment in jpeg_segments.segments(file):
        if segment.code in jpeg_segments.FRAMES:
            width, height = jpeg_segments.size(segment)
            if not width or not height:
                return None
            return (height, width) if orientation in _TRANSPOSED else (width, height)
        if segment.code == jpeg_segments.APP1 and segment.payload.startswith(b"Exif\0\0") and orientation == 1:
            orientation = exif_block.orientation(segment.payload[6:]) or 1
    return None


def _header(file: BinaryIO, path: Path) -> Header:
    if other := other_formats.recognised(file, path):
        return Header(*other_formats.header(file, other))
    file.seek(0)
    if not (start := file.read(16)):
        raise DecodeError("is empty (0 bytes)")
    reader = _png if start.startswith(png_chunks.SIGNATURE) else _tiff if start[:4] in tiff.STARTS else _other
    found, orientation = reader(file)
    return found._replace(width=found.height, height=found.width) if orientation in _TRANSPOSED else found


def _other(file: BinaryIO) -> tuple[Header, int]:
    image = formats.open_header(file)
    if image is None:
        raise DecodeError("is not a picture of a supported format")
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
    first = tiff_pages.main_first(file, tiff_pages.pages(file).main)
    page = tiff.first_page(first)
    reader = partial(metadata.of_tiff, whole=None if first is file else file)
    return Header(page.width, page.height, _tiff_mode(first, page)), metadata.parsed_or_empty(reader, first).orientation


def _tiff_mode(file: BinaryIO, page: tiff.Page) -> str:
    if page.is_float:
        return "F" if page.samples == 1 else "RGB;F"
    try:
        image = formats.open_header(file)
    except DecodeError:  # more bits than Pillow supports
        image = None
    if image is None:
        return {1: "I;16", 3: "RGB;16", 4: "RGBA;16"}.get(page.samples, f"{page.samples} channels")
    high_depth = max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))) > 8 and image.mode.startswith("RGB")
    return f"{image.mode};16" if high_depth else image.mode
