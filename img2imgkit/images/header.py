"""The size of a picture by its header, without decoding it."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import BinaryIO

from img2imgkit.files import open_regular
from img2imgkit.images import exif_block, formats, metadata, other_formats, png_chunks, png_read, tiff, tiff_pages
from img2imgkit.images.pillow_warnings import captured_warnings

_JPEG_START, _JPEG_EXIF = b"\xff\xd8", 0xE1
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers that state a size
_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the upright width and height that a picture's header states; None if it cannot be read."""
    # Decoders may raise anything; decoding will state the reason.
    with contextlib.suppress(Exception), open_regular(path) as file:
        return _jpeg_size(file) or _any_size(file, path)
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return the size by the markers of a JPEG file (ITU-T T.81, B.2): plans read many. None if Pillow must look."""
    if file.read(2) != _JPEG_START:
        return None
    orientation = 1
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        kind, length = head[1], int.from_bytes(head[2:], "big") - 2
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return _upright(width, height, orientation) if width and height else None
        if kind == _JPEG_EXIF:
            content = file.read(length)
            if content.startswith(b"Exif\0\0") and orientation == 1:
                orientation = exif_block.orientation(content[6:]) or 1
        else:
            file.seek(length, os.SEEK_CUR)
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
