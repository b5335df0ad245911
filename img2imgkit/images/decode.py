"""Decode a picture file of any format: upright pixels at full depth, and its metadata."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ImageFile, JpegImagePlugin

from img2imgkit.errors import DecodeError
from img2imgkit.files import NotRegularError, open_regular
from img2imgkit.images import (
    exif_block,
    formats,
    high_depth,
    metadata,
    png_chunks,
    png_read,
    profiles,
    raster,
    tiff,
)
from img2imgkit.images.metadata import ParsedMetadata
from img2imgkit.images.picture import Picture
from img2imgkit.images.pillow_warnings import captured_warnings
from img2imgkit.images.raster import Raster

DEFAULT_MAX_PIXELS = 178_956_970  # Pillow's own limit for decompression bombs
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def decode(path: Path, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Picture:
    """Decode a picture. Its format is determined by its content.

    Raises:
        DecodeError: the file cannot be read, is not a picture, is damaged, or is larger than ``max_pixels``.
    """
    with _reasons(path), open_regular(path) as file, captured_warnings() as warned:
        start = file.read(16)
        if not start:
            raise DecodeError("is empty (0 bytes)")
        reader = _png if start.startswith(png_chunks.SIGNATURE) else _tiff if start[:4] in _TIFF_STARTS else _other
        picture = reader(file, max_pixels)
    return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *warned))))


@contextlib.contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn any exception into a DecodeError of one line that names the file: decoders may raise anything."""
    try:
        yield
    except DecodeError as error:
        raise DecodeError(f"{shown(path)}: {error}") from error.__cause__
    except MemoryError as error:
        raise DecodeError(f"{shown(path)}: not enough memory to decode it") from error
    except Exception as error:
        raise DecodeError(f"{shown(path)}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOENT:
            return "no such file (it may have been moved since it was listed)"
        if isinstance(error, NotRegularError):
            return str(error.strerror)
        return f"cannot be read: {os.strerror(error.errno)}"
    text = " ".join("".join(char for char in str(error) if char.isprintable() or char.isspace()).split())
    return f"is damaged: {text or type(error).__name__}"


def shown(path: Path) -> str:
    """Return a path as one line that any terminal can print."""
    printable = str(path).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in printable)


def _check_size(width: int, height: int, max_pixels: int | None) -> None:
    if width < 1 or height < 1:
        raise DecodeError(f"states a size of {width}x{height} pixels")
    if max_pixels is not None and width * height > max_pixels:
        raise DecodeError(
            f"states {width}x{height} = {width * height:,} pixels, more than the limit of {max_pixels:,}"
            " (it may be a decompression bomb; raise max_pixels if it is not)"
        )


def _png(file: BinaryIO, max_pixels: int | None) -> Picture:
    head = png_read.header(file)
    _check_size(head.width, head.height, max_pixels)
    chunks = png_chunks.read(file)
    parsed = metadata.parsed_or_empty(metadata.of_png, chunks)
    return _assembled(png_read.read(file), parsed, "PNG", png_chunks.frames(chunks))


def _tiff(file: BinaryIO, max_pixels: int | None) -> Picture:
    page = tiff.first_page(file)
    _check_size(page.width, page.height, max_pixels)
    if page.tile != (0, 0):
        _check_size(*page.tile, max_pixels)
    if not 1 <= page.samples <= 8:
        raise DecodeError(f"has {page.samples} channels; a picture has at most 8")
    parsed = metadata.parsed_or_empty(metadata.of_tiff, file)
    image = None
    if not page.plain:
        with contextlib.suppress(DecodeError):  # Pillow does not support the layout either: tiff states the reason
            image = formats.open_header(file)
    if image is None:
        return _assembled(tiff.read(file), parsed, "TIFF", page.pages)
    pixels = raster.from_image(image)
    if exif_block.ORIENTATION not in image.getexif():  # Pillow has rotated it and deleted the tag
        parsed = parsed._replace(orientation=1)
    return _assembled(pixels, parsed, "TIFF", page.pages)


def _other(file: BinaryIO, max_pixels: int | None) -> Picture:
    image = formats.open_header(file)
    if image is None:
        raise DecodeError(_not_a_picture(file))
    _check_size(*image.size, max_pixels)
    count = _frames(image)
    pixels = high_depth.read(file, image) or raster.from_image(image)
    format = "JPEG" if isinstance(image, JpegImagePlugin.JpegImageFile) else str(image.format)
    if format == "JPEG" and pixels.space == "cmyk" and "adobe" not in image.info:
        pixels = pixels._replace(color=255 - pixels.color)  # Pillow inverts all CMYK files, as Adobe's need
    return _assembled(pixels, metadata.parsed_or_empty(metadata.of_image, image), format, count)


def _frames(image: ImageFile.ImageFile) -> int:
    """Return the number of pictures; the layers of a Photoshop file do not count."""
    if image.format == "PSD":
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # a later picture is damaged; the first may be intact
        image.seek(0)
        return 2


def _assembled(pixels: Raster, parsed: ParsedMetadata, format: str, count: int) -> Picture:
    frames = (f"only the first of {count} pictures in it was read",) if count > 1 else ()
    icc = parsed.metadata.icc
    if pixels.mode == "P" and icc is not None and profiles.space_of(icc) == "rgb" and pixels.space == "grey":
        pixels = pixels._replace(color=np.repeat(pixels.color, 3, axis=2), space="rgb")  # to match its profile
    alpha = None if pixels.alpha is None else _oriented(pixels.alpha, parsed.orientation)
    return Picture(
        _oriented(pixels.color, parsed.orientation),
        alpha,
        pixels.space,
        parsed.metadata,
        format,
        pixels.mode,
        (*frames, *pixels.notes, *parsed.notes),
    )


def _oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (TIFF 6.0, tag 274)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _not_a_picture(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(512)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be incomplete
    except UnicodeDecodeError:
        text = ""
    if text and all(char.isprintable() or char in "\t\n\r\f\x1b\ufeff" for char in text):
        return "is text, not a picture"
    return "is not a picture of a supported format"
