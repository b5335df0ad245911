"""Decode a picture file of any format: upright pixels at full depth, and its metadata."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ImageFile, JpegImagePlugin

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.images import (
    damage,
    exif_block,
    formats,
    heif_boxes,
    high_depth,
    jpeg,
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


def decode(path: Path, *, max_pixels: int | None = DEFAULT_MAX_PIXELS, salvage: bool = False) -> Picture:
    """Decode a picture. Its format is determined by its content.

    A file is damaged if pixels are missing or were invented by the decoder. With ``salvage`` it is read with a note;
    those pixels have any value. A file that only lacks its end marker is read in any case, with a note.

    Raises:
        DecodeError: the file cannot be read, is not a picture, is damaged, or is larger than ``max_pixels``.
        DamagedError: it is damaged, and ``salvage`` would read it.
    """
    with _reasons(path), _opened(path) as file, captured_warnings() as warned:
        start = file.read(16)
        if not start:
            raise DecodeError("is empty (0 bytes)")
        reader = _png if start.startswith(png_chunks.SIGNATURE) else _tiff if start[:4] in _TIFF_STARTS else _other
        picture = reader(file, max_pixels, salvage)
    return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *warned))))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; opening a pipe would block forever."""
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise DecodeError("is a folder")
    if not stat.S_ISREG(state.st_mode):
        raise DecodeError("is not a regular file")
    with path.open("rb") as file:
        yield file


@contextlib.contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn any exception into a DecodeError of one line that names the file: decoders may raise anything."""
    try:
        yield
    except DecodeError as error:
        raise type(error)(f"{shown(path)}: {error}") from error.__cause__
    except MemoryError as error:
        raise DecodeError(f"{shown(path)}: not enough memory to decode it") from error
    except Exception as error:
        raise DecodeError(f"{shown(path)}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOENT:
            return "no such file (it may have been moved since it was listed)"
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


def _png(file: BinaryIO, max_pixels: int | None, salvage: bool) -> Picture:
    head = png_read.header(file)
    _check_size(head.width, head.height, max_pixels)
    damaged: list[str] = []
    chunks = png_chunks.read(file, damaged)
    parsed = metadata.parsed_or_empty(metadata.of_png, chunks)
    pixels = _sound(png_read.read(file, salvage), salvage)
    if damaged and not pixels.damage:
        parsed = parsed._replace(notes=(*parsed.notes, f"damaged metadata were left out: {', '.join(damaged)}"))
    return _assembled(pixels, parsed, "PNG", png_chunks.frames(chunks))


def _tiff(file: BinaryIO, max_pixels: int | None, salvage: bool) -> Picture:
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
    pixels = _page(file, image, salvage)
    pixels = _sound(pixels._replace(damage=pixels.damage or tiff.coded_damage(file)), salvage)
    if image is not None and exif_block.ORIENTATION not in image.getexif():  # Pillow has rotated it and deleted the tag
        parsed = parsed._replace(orientation=1)
    return _assembled(pixels, parsed, "TIFF", page.pages)


def _page(file: BinaryIO, image: ImageFile.ImageFile | None, salvage: bool) -> Raster:
    """Read a TIFF page with Pillow if it opened it, otherwise with ``tiff``."""
    if image is not None:
        return _loaded(file, image, salvage)
    try:
        return tiff.read(file)
    except Exception as error:
        again = formats.open_header(file) if salvage else None
        if again is None:
            raise
        return _loaded(file, again, salvage)._replace(damage=_reason(error).removeprefix("is damaged: "))


def _other(file: BinaryIO, max_pixels: int | None, salvage: bool) -> Picture:
    image, damaged = _header(file, salvage)
    if image is None:
        raise DecodeError(_not_a_picture(file))
    _check_size(*image.size, max_pixels)
    count = _frames(image)
    pixels = _loaded(file, image, salvage)
    pixels = _sound(pixels._replace(damage=damaged or pixels.damage), salvage)
    format = "JPEG" if isinstance(image, JpegImagePlugin.JpegImageFile) else str(image.format)
    if format == "JPEG" and pixels.space == "cmyk" and "adobe" not in image.info:
        pixels = pixels._replace(color=255 - pixels.color)  # Adobe's files are inverted, and were read so
    parsed = metadata.parsed_or_empty(metadata.of_image, image)
    if format in ("AVIF", "HEIF"):
        parsed = metadata.with_numbers(parsed, heif_boxes.describe(file).numbers)
    return _assembled(pixels, parsed, format, count)


def _header(file: BinaryIO, salvage: bool) -> tuple[ImageFile.ImageFile | None, str]:
    """Read the header; with ``salvage``, of a WebP or AVIF file whose missing end is replaced, and what is missing."""
    try:
        return formats.open_header(file), ""
    except (DecodeError, OSError):
        padded = damage.padded(file) if salvage else None
        if padded is None:
            raise
        return formats.open_header(padded), "its end is missing"


def _sound(pixels: Raster, salvage: bool) -> Raster:
    """Refuse damaged pixels, or note the damage."""
    if not pixels.damage:
        return pixels
    if not salvage:
        raise DamagedError(f"is damaged: {pixels.damage}")
    return pixels._replace(notes=(*pixels.notes, f"it is damaged and was salvaged: {pixels.damage}"))


def _loaded(file: BinaryIO, image: ImageFile.ImageFile, salvage: bool) -> Raster:
    try:
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            return _jpeg(file, image)
        pixels = high_depth.read(file, image) or raster.from_image(image)
    except Exception as error:
        if not salvage:
            raise
        return _salvaged(file, image, _reason(error))
    return pixels._replace(damage=damage.silent(file, str(image.format)))


def _jpeg(file: BinaryIO, image: ImageFile.ImageFile) -> Raster:
    space = raster.DIRECT.get(image.mode)
    if space is not None:
        with contextlib.suppress(
            DecodeError
        ):  # a coding process that only Pillow's library has, or it tells the reason
            read = jpeg.read(_whole(file), space)
            color = 255 - read.color if space == "cmyk" else read.color
            return Raster(color, None, space, image.mode, read.notes, read.damage)
    return raster.from_image(image)._replace(notes=("damage could not be looked for in this kind of JPEG",))


def _salvaged(file: BinaryIO, image: ImageFile.ImageFile, reason: str) -> Raster:
    """Read what is left of a file that cannot be decoded as a whole.

    Raises:
        DecodeError: nothing is.
    """
    reason = reason.removeprefix("is damaged: ")
    padded = damage.padded(file)
    again = formats.open_header(padded) if padded else None
    if padded is None or again is None:
        return raster.salvaged(image, reason)
    return (high_depth.read(padded, again) or raster.from_image(again))._replace(damage=reason)


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


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
