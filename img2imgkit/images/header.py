"""The size of a picture by its header, without decoding it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO

from img2imgkit.files import open_regular
from img2imgkit.images import (
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
from img2imgkit.images.pillow_warnings import captured_warnings

_JPEG_START = b"\xff\xd8"
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the upright width and height that a picture's header states; None if it cannot be read."""
    # Decoders may raise anything; decoding will state the reason.
    with contextlib.suppress(Exception), open_regular(path) as file:
        return _jpeg_size(file) or _any_size(file, path)
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return the size by the segments of a JPEG file: plans read many. None if Pillow must look."""
    if file.read(2) != _JPEG_START:
        return None
    orientation = 1
    for segment in jpeg_segments.segments(file):
        if segment.code in jpeg_segments.FRAMES:
            width, height = jpeg_segments.size(segment)
            return _upright(width, height, orientation) if width and height else None
        if segment.code == jpeg_segments.APP1 and segment.payload.startswith(b"Exif\0\0") and orientation == 1:
            orientation = exif_block.orientation(segment.payload[6:]) or 1
    return None


def _any_size(file: BinaryIO, path: Path) -> tuple[int, int] | None:
    with captured_warnings():
        other = other_formats.recognised(file, path)
        return other_formats.size(file, other) if other else _size(file)


def _size(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(0)
    start = file.read(8)
    if start == png_chunks.SIGNATURE:
        head = png_read.header(file)
        return _upright(head.width, head.height, metadata.of_png(png_chunks.read(file)).orientation)
    if start[:4] in tiff.STARTS:
        first = tiff_pages.main_first(file, tiff_pages.pages(file).main)
        page = tiff.first_page(first)
        whole = None if first is file else file
        return _upright(page.width, page.height, metadata.of_tiff(first, whole).orientation)
    image = formats.open_header(file)
    if image is None:
        return None
    return _upright(*image.size, image.getexif().get(exif_block.ORIENTATION, 1))


def _upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation in _TRANSPOSED else (width, height)
