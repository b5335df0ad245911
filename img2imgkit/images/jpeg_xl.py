"""Read JPEG XL files with libjxl, which returns them upright."""

from __future__ import annotations

from typing import BinaryIO

import imagecodecs
import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images import jpeg_xl_header, left_behind
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.jpeg_xl_header import Header
from img2imgkit.images.metadata import ParsedMetadata, of_blocks, with_numbers
from img2imgkit.images.picture import Space
from img2imgkit.images.raster import Raster, full_range, split, unpremultiplied
from img2imgkit.images.tiff_pages import further_pictures

_LINEAR, _SRGB = 8, 13  # transfer functions as H.273 numbers them
_MODES = {(1, False): "L", (2, False): "LA", (3, False): "RGB", (4, False): "RGBA"}
_MODES |= {(1, True): "I;16", (2, True): "LA;16", (3, True): "RGB;16", (4, True): "RGBA;16"}
_EXIF_OFFSET = 4  # bytes before the EXIF block in its box


def header(file: BinaryIO) -> tuple[int, int, str]:
    """Return the upright width and height, and the mode of the pixels. Raises DecodeError."""
    head = jpeg_xl_header.header(file)
    channels = (1 if head.grey else 3) + head.alpha
    return head.width, head.height, _MODES[channels, head.is_float or head.bits > 8]


def read(file: BinaryIO, float_levels: FloatLevels | None) -> tuple[Raster, ParsedMetadata, tuple[str, ...]]:
    """Return the pixels of the first frame, the metadata, and notes on what else the file holds.

    Raises:
        DecodeError: it is damaged, or has floating-point levels whose white point is not stated.
    """
    head = jpeg_xl_header.header(file)
    boxes = jpeg_xl_header.boxes(file)
    file.seek(0)
    data = file.read()
    pixels = imagecodecs.jpegxl_decode(data)
    frames = pixels.shape[0] if pixels.ndim == 4 else 1
    pixels = (pixels[0] if pixels.ndim == 4 else pixels).reshape(head.height, head.width, -1)
    raster = _raster(pixels, head, float_levels)
    primaries, transfer = head.cicp
    parsed = of_blocks(None, boxes.get(b"Exif", b"")[_EXIF_OFFSET:], boxes.get(b"xml "))
    parsed = parsed._replace(orientation=head.orientation)  # that of EXIF is not applied
    if 2 not in head.cicp:
        parsed = with_numbers(parsed, (primaries, _SRGB if head.is_float else transfer, 0, True))
    gain_map = (left_behind.GAIN_MAP,) if b"jhgm" in boxes else ()
    return raster, parsed, (*further_pictures(frames - 1), *_losses(head, parsed), *gain_map)


def _losses(head: Header, parsed: ParsedMetadata) -> list[str]:
    losses = []
    if (head.icc or 2 in head.cicp) and not parsed.metadata.colour_chunks:
        losses.append("its colours were taken as sRGB: the decoder does not return JPEG XL's profiles")
    if head.others:
        losses.append(f"left out: extra channels: {head.others}")
    return losses


def _raster(pixels: np.ndarray, head: Header, float_levels: FloatLevels | None) -> Raster:
    notes: tuple[str, ...] = ()
    if head.is_float:
        if float_levels is None:
            raise DecodeError(FloatLevels.UNSTATED)
        pixels, notes = float_levels.levels(pixels, alpha=pixels.shape[2] in (2, 4), linear=head.cicp[1] == _LINEAR)
    else:
        pixels, notes = full_range(pixels, head.bits)
    channels = pixels.shape[2]
    deep = pixels.dtype == np.uint16
    if channels in (2, 4):
        raster = split(pixels, _MODES[channels, deep])
        return (unpremultiplied(raster) if head.premultiplied else raster)._replace(notes=notes)
    if channels not in (1, 3):
        raise DecodeError(f"has {channels} channels, which is not supported")
    space: Space = "grey" if channels == 1 else "rgb"
    return Raster(np.ascontiguousarray(pixels), None, space, _MODES[channels, deep], notes)
