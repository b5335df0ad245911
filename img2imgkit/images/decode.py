"""Read a picture file of any format: upright pixels at their full depth, and everything the file says beside them."""

from __future__ import annotations

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

from img2imgkit.errors import DecodeError
from img2imgkit.images import deep, formats, metadata, png_chunks, profiles, raster, tiff_deep
from img2imgkit.images.complaints import heard
from img2imgkit.images.metadata import Beside
from img2imgkit.images.picture import Picture
from img2imgkit.images.raster import Raster

DEFAULT_MAX_PIXELS = 178_956_970  # where Pillow, too, takes a picture for a decompression bomb
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def decode(path: Path, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Picture:
    """Read one picture; its format is told by its content.

    Raises:
        DecodeError: it cannot be read, is no picture, is damaged, or is larger than ``max_pixels``.
    """
    with _reasons(path), _opened(path) as file, heard() as complaints:
        start = file.read(16)
        if not start:
            raise DecodeError("is empty (0 bytes)")
        picture = _tiff(file, max_pixels) if start[:4] in _TIFF_STARTS else _other(file, max_pixels)
    return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *complaints))))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, if it is a regular one: opening a pipe would wait for ever."""
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise DecodeError("is a folder")
    if not stat.S_ISREG(state.st_mode):
        raise DecodeError("is no regular file")
    with path.open("rb") as file:
        yield file


@contextlib.contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into one line that names the file. Decoders raise anything on damaged data."""
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
            return "there is no such file (it may have been moved since it was listed)"
        return f"cannot be read: {os.strerror(error.errno)}"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ValueError) else f"is damaged: {text}"


def shown(path: Path) -> str:
    """A path in one line that any terminal can print."""
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


def _other(file: BinaryIO, max_pixels: int | None) -> Picture:
    image = formats.open_header(file)
    if image is None:
        raise DecodeError(_no_picture(file))
    _check_size(*image.size, max_pixels)
    count = _frames(image)
    if image.format == "PNG":
        pixels = deep.read(file, image) or raster.from_image(_png_key(file, image))
        beside = metadata.or_none(metadata.of_png, file)
    else:
        pixels = deep.read(file, image) or raster.from_image(image)
        beside = metadata.or_none(metadata.of_image, image)
    format = "JPEG" if isinstance(image, JpegImagePlugin.JpegImageFile) else str(image.format)
    return _assembled(pixels, beside, format, count)


def _frames(image: ImageFile.ImageFile) -> int:
    """How many pictures there are; a Photoshop file's layers are none of their own."""
    if image.format == "PSD":
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # a later picture is damaged; the first may be whole
        return 2


def _png_key(file: BinaryIO, image: ImageFile.ImageFile) -> ImageFile.ImageFile:
    """Put the transparent level of a 2- or 4-bit grey picture in Pillow's levels, as its pixels are."""
    head, key = png_chunks.header(file), image.info.get("transparency")
    if head.bits in (2, 4) and head.colour == 0 and isinstance(key, int):
        image.info["transparency"] = key * 255 // ((1 << head.bits) - 1)
    return image


def _tiff(file: BinaryIO, max_pixels: int | None) -> Picture:
    page = tiff_deep.first_page(file)
    _check_size(page.width, page.height, max_pixels)
    if not 1 <= page.samples <= 8:
        raise DecodeError(f"has {page.samples} channels, which is no picture")
    image = None
    if page.bits in (1, 2, 4, 8):
        with contextlib.suppress(ValueError):  # a layout that Pillow does not know
            image = formats.open_header(file)
    pixels = tiff_deep.read(file) if image is None else raster.from_image(image)
    return _assembled(pixels, metadata.or_none(metadata.of_tiff, file), "TIFF", page.pages)


def _assembled(pixels: Raster, beside: Beside, format: str, count: int) -> Picture:
    frames = (f"only the first of {count} pictures in it was read",) if count > 1 else ()
    icc = beside.metadata.icc
    if pixels.mode == "P" and icc is not None and profiles.space_of(icc) == "rgb" and pixels.space == "grey":
        pixels = pixels._replace(color=np.repeat(pixels.color, 3, axis=2), space="rgb")  # so that its profile fits
    alpha = None if pixels.alpha is None else _turned(pixels.alpha, beside.orientation)
    return Picture(
        _turned(pixels.color, beside.orientation),
        alpha,
        pixels.space,
        beside.metadata,
        format,
        pixels.mode,
        (*frames, *pixels.notes, *beside.notes),
    )


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels upright, from the orientation that EXIF states (TIFF 6.0, tag 274)."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _no_picture(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(512)
    text = all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in start)
    return "is text, not a picture" if text else "is no picture in a format that can be read here"
