"""Read the pictures of each format: upright pixels at full depth, metadata, and notes on what was left behind."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import ImageFile, JpegImagePlugin

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.files import NotRegularError
from img2imgkit.images import (
    colour_headers,
    damage,
    exif_block,
    formats,
    heif_boxes,
    high_depth,
    jpeg,
    left_behind,
    lossiness,
    metadata,
    other_formats,
    png_chunks,
    png_read,
    png_rows,
    profiles,
    raster,
    tiff,
    tiff_jpeg,
    tiff_pages,
    tiff_strips,
)
from img2imgkit.images.affine import Affine, Placement
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.limits import check_format, limits
from img2imgkit.images.metadata import ParsedMetadata
from img2imgkit.images.picture import Picture
from img2imgkit.images.raster import Raster
from img2imgkit.images.tiff_pages import further_pictures


class Wanted(NamedTuple):
    """How a file is decoded, see ``decode``."""

    max_pixels: int | None = None
    salvage: bool = False
    float_levels: FloatLevels | None = None

    def stated(self) -> dict[str, Any]:
        """Return it as plain data."""
        levels = self.float_levels
        return {**self._asdict(), "float_levels": levels and levels.model_dump(mode="json")}

    @staticmethod
    def of(stated: Mapping[str, Any]) -> Wanted:
        """Return what ``stated`` returned as plain data."""
        levels = stated["float_levels"]
        return Wanted(**{**stated, "float_levels": levels and FloatLevels(**levels)})


def read(file: BinaryIO, name: PurePath, wanted: Wanted) -> Picture:
    """Decode a file. Its format is determined by its content, but that of camera raw files by the suffix of ``name``.

    Raises:
        DecodeError: it is no picture, is damaged, or is too large.
    """
    if not (start := file.read(16)):
        raise DecodeError("is empty (0 bytes)")
    if other := other_formats.recognised(file, name):
        return _by_other_decoder(file, other, wanted)
    reader = _png if start.startswith(png_chunks.SIGNATURE) else _tiff if start[:4] in tiff.STARTS else _other
    return reader(file, wanted)


def _by_other_decoder(file: BinaryIO, format: str, wanted: Wanted) -> Picture:
    check_format(format)
    _check_size(*other_formats.header(file, format)[:2], wanted.max_pixels)
    pixels, parsed, notes = other_formats.read(file, format, wanted.float_levels)
    pixels = _sound(_with_silent(pixels, file, format), wanted.salvage)
    return _assembled(pixels, parsed, format, notes, is_upright=True)


def _png(file: BinaryIO, wanted: Wanted) -> Picture:
    check_format("PNG")
    head = png_read.header(file)
    _check_size(head.width, head.height, wanted.max_pixels)
    damaged: list[str] = []
    chunks = png_chunks.read(file, damaged)
    after = left_behind.after(file, file.tell())
    parsed = metadata.parsed_or_empty(metadata.of_png, chunks)
    large = None if wanted.salvage else png_rows.read_large(file)
    pixels = _sound(large or png_read.read(file, wanted.salvage), wanted.salvage)
    if damaged and not pixels.damage:
        parsed = parsed._replace(notes=(*parsed.notes, f"damaged metadata were left out: {', '.join(damaged)}"))
    return _assembled(pixels, parsed, "PNG", (*further_pictures(png_chunks.frames(chunks) - 1), *after))


def _tiff(file: BinaryIO, wanted: Wanted) -> Picture:
    check_format("TIFF")
    found = tiff_pages.pages(file)
    first = tiff_pages.main_first(file, found.main)
    reader = partial(metadata.of_tiff, whole=None if first is file else file, alone=not found.pictures)
    file = first
    page = tiff.first_page(file)
    _check_size(page.width, page.height, wanted.max_pixels)
    if page.tile != (0, 0):
        _check_size(*page.tile, wanted.max_pixels)
    if not 1 <= page.samples <= 8:
        raise DecodeError(f"has {page.samples} channels; a picture has at most 8")
    parsed = metadata.parsed_or_empty(reader, file)
    image = None
    if not page.plain:
        with contextlib.suppress(DecodeError):  # Pillow does not support the layout either: tiff states the reason
            image = formats.open_header(file)
    pixels = tiff_jpeg.read(file)
    if pixels is not None:
        image = None  # only the other pixels are Pillow's
    else:
        pixels = _page(file, image, wanted)
        pixels = pixels._replace(damage=pixels.damage or tiff_jpeg.coded_damage(file))
    pixels = _sound(pixels, wanted.salvage)
    is_upright = image is not None and exif_block.ORIENTATION not in image.getexif()  # Pillow has rotated it
    return _assembled(pixels, parsed, "TIFF", found.notes, is_upright)


def _page(file: BinaryIO, image: ImageFile.ImageFile | None, wanted: Wanted) -> Raster:
    """Read a TIFF page with Pillow if it opened it, otherwise with ``tiff``."""
    if image is not None:
        return _loaded(file, image, wanted)
    try:
        return tiff_strips.read_large(file) or tiff.read(file, wanted.float_levels)
    except Exception as error:
        again = formats.open_header(file) if wanted.salvage else None
        if again is None:
            raise
        return _loaded(file, again, wanted)._replace(damage=reason_of(error).removeprefix("is damaged: "))


def _other(file: BinaryIO, wanted: Wanted) -> Picture:
    image, damaged = _header(file, wanted.salvage)
    if image is None:
        raise DecodeError(_not_a_picture(file))
    _check_size(*image.size, wanted.max_pixels)
    format = "JPEG" if isinstance(image, JpegImagePlugin.JpegImageFile) else str(image.format)
    stated = colour_headers.of_file(file, format)
    notes = left_behind.of(file, image, format)
    pixels = _loaded(file, image, wanted)
    pixels = _sound(pixels._replace(damage=damaged or pixels.damage), wanted.salvage)
    if format == "JPEG" and pixels.space == "cmyk" and "adobe" not in image.info:
        pixels = pixels._replace(color=255 - pixels.color)  # Adobe's files are inverted, and were read so
    parsed = metadata.with_stated(metadata.parsed_or_empty(metadata.of_image, image), stated)
    if format == "AVIF":
        parsed = metadata.with_numbers(parsed, heif_boxes.describe(file).numbers)
    return replace(_assembled(pixels, parsed, format, notes), **lossiness.of(file, image)._asdict())


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


def _loaded(file: BinaryIO, image: ImageFile.ImageFile, wanted: Wanted) -> Raster:
    try:
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            return _jpeg(file, image)
        pixels = high_depth.read(file, image) or raster.from_image(image, wanted.float_levels)
    except Exception as error:
        if not wanted.salvage:
            raise
        return _salvaged(file, image, reason_of(error), wanted.float_levels)
    return _with_silent(pixels, file, str(image.format))


def _with_silent(pixels: Raster, file: BinaryIO, format: str) -> Raster:
    """Add what the decoder did not tell."""
    found = damage.silent(file, format)
    return pixels._replace(damage=found.damage, notes=(*pixels.notes, *found.notes))


def _jpeg(file: BinaryIO, image: ImageFile.ImageFile) -> Raster:
    space = raster.DIRECT.get(image.mode)
    if space is not None:
        file.seek(0)
        with contextlib.suppress(DecodeError):  # only Pillow's library has the coding process, or tells the reason
            read = jpeg.read(file.read(), space)
            color = 255 - read.color if space == "cmyk" else read.color
            return Raster(color, None, space, image.mode, read.notes, read.damage)
    return raster.from_image(image)._replace(notes=("damage could not be looked for in this kind of JPEG",))


def _salvaged(file: BinaryIO, image: ImageFile.ImageFile, reason: str, float_levels: FloatLevels | None) -> Raster:
    """Read what is left of a file that cannot be decoded as a whole.

    Raises:
        DecodeError: nothing is.
    """
    reason = reason.removeprefix("is damaged: ")
    padded = damage.padded(file)
    again = formats.open_header(padded) if padded else None
    if padded is None or again is None:
        return raster.salvaged(image, reason, float_levels)
    return (high_depth.read(padded, again) or raster.from_image(again, float_levels))._replace(damage=reason)


def _assembled(
    pixels: Raster, parsed: ParsedMetadata, format: str, notes: tuple[str, ...], is_upright: bool = False
) -> Picture:
    icc = parsed.metadata.icc
    if pixels.space == "cmyk":  # numbers describe light, not inks
        parsed = parsed._replace(metadata=replace(parsed.metadata, colour_chunks=()))
    if pixels.mode == "P" and icc is not None and profiles.space_of(icc) == "rgb" and pixels.space == "grey":
        pixels = pixels._replace(color=np.repeat(pixels.color, 3, axis=2), space="rgb")  # to match its profile
    orientation = 1 if is_upright else parsed.orientation
    color = raster.oriented(pixels.color, orientation)
    size = (color.shape[1], color.shape[0])
    stored = size if parsed.orientation < 5 else size[::-1]
    placement = parsed.placement or Placement(size, Affine.turn(parsed.orientation, *stored), stored)
    return Picture(
        color,
        None if pixels.alpha is None else raster.oriented(pixels.alpha, orientation),
        pixels.space,
        replace(parsed.metadata, placement=placement),
        format,
        pixels.mode,
        notes=tuple(dict.fromkeys((*notes, *pixels.notes, *parsed.notes))),
    )


def _check_size(width: int, height: int, max_pixels: int | None) -> None:
    if width < 1 or height < 1:
        raise DecodeError(f"states a size of {width}x{height} pixels")
    if max_pixels is not None and width * height > max_pixels:
        raise DecodeError(
            f"states {width}x{height} = {width * height:,} pixels, more than the limit of {max_pixels:,}"
            " (it may be a decompression bomb; raise max_pixels if it is not)"
        )


def reason_of(error: Exception) -> str:
    """Say in one line why a file cannot be read; decoders may raise anything."""
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.ENOENT:
            return "no such file (it may have been moved since it was listed)"
        if isinstance(error, NotRegularError):
            return str(error.strerror)
        return f"cannot be read: {os.strerror(error.errno)}"
    text = " ".join("".join(char for char in str(error) if char.isprintable() or char.isspace()).split())
    return f"is damaged: {text or type(error).__name__}"


def _not_a_picture(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(512)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be incomplete
    except UnicodeDecodeError:
        text = ""
    if text and all(char.isprintable() or char in "\t\n\r\f\x1b\ufeff" for char in text):
        return "is text, not a picture"
    allowed = f" that `limits.formats` allows ({', '.join(limits().formats)})" if limits().formats else ""
    return f"is not a picture of a supported format{allowed}"
