"""The size of a picture by its header, without decoding it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO

from img2imgkit.files import open_regular
from img2imgkit.images import exif_block, formats, metadata, png_chunks, png_read, tiff
from img2imgkit.images.pillow_warnings import captured_warnings

_TRANSPOSED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def size_of(path: Path) -> tuple[int, int] | None:
    """Return the upright width and height that a picture's header states; None if it cannot be read."""
    # Decoders may raise anything; decoding will state the reason.
    with contextlib.suppress(Exception), open_regular(path) as file, captured_warnings():
        return _size(file)
    return None


def _size(file: BinaryIO) -> tuple[int, int] | None:
    start = file.read(8)
    if start == png_chunks.SIGNATURE:
        head = png_read.header(file)
        return _upright(head.width, head.height, metadata.of_png(png_chunks.read(file)).orientation)
    if start[:4] in tiff.STARTS:
        page = tiff.first_page(file)
        return _upright(page.width, page.height, metadata.of_tiff(file).orientation)
    image = formats.open_header(file)
    if image is None:
        return None
    return _upright(*image.size, image.getexif().get(exif_block.ORIENTATION, 1))


def _upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation in _TRANSPOSED else (width, height)
