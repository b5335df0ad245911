"""Read files with more than 8 bits per channel, which Pillow would reduce to 8."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import ImageFile

from img2imgkit.errors import DecodeError
from img2imgkit.images.raster import Raster, full_range, split

_HEAD = 1 << 16
_PNM_MAGIC = {b"P5": 1, b"P6": 3}
_PNM_HEADER = re.compile(rb"(P[56])" + rb"(?:\s+(?:#[^\n]*\n\s*)*)(\d+)" * 3 + rb"\s")
_JP2_SIZES = b"\xff\x4f\xff\x51"  # start of codestream, then image and tile size
_AV1_CONFIG = b"av1C"


def read(file: BinaryIO, image: ImageFile.ImageFile) -> Raster | None:
    """Read pixels at full depth; None if Pillow loses nothing. ``image`` is the same file opened by Pillow."""
    readers = {"PPM": _netpbm, "JPEG2000": _jpeg2000, "AVIF": _avif, "SGI": _sgi}
    reader = readers.get(str(image.format))
    return reader(file, image) if reader else None


def _netpbm(file: BinaryIO, image: ImageFile.ImageFile) -> Raster | None:
    """Read Netpbm's binary grey and colour files with two bytes per level, big-endian."""
    file.seek(0)
    stated = _PNM_HEADER.match(file.read(_HEAD))
    if stated is None or not 255 < (most := int(stated[4])) < 65536:
        return None
    width, height, channels = int(stated[2]), int(stated[3]), _PNM_MAGIC[stated[1]]
    size = width * height * channels * 2
    file.seek(stated.end())
    data = file.read(size)
    if len(data) < size:
        raise DecodeError(f"is cut off: it contains {len(data)} of {size} bytes of pixels")
    levels = np.frombuffer(data, ">u2").astype(np.uint32)
    if levels.max(initial=0) > most:
        raise DecodeError(f"is damaged: a level exceeds {most}, its stated white")
    full = (
        ((levels * (2 * 65535) + most) // (2 * most)).astype(np.uint16) if most != 65535 else levels.astype(np.uint16)
    )
    return _raster(full.reshape(height, width, channels), image)


def _jpeg2000(file: BinaryIO, image: ImageFile.ImageFile) -> Raster | None:
    file.seek(0)
    head = file.read(_HEAD)
    at = head.find(_JP2_SIZES)
    if at < 0 or at + 42 >= len(head) or (bits := (head[at + 42] & 0x7F) + 1) <= 8:
        return None
    width, height, left, top = struct.unpack_from(">4I", head, at + 8)
    if (width - left, height - top) != image.size:
        raise DecodeError("is damaged: its two headers state different sizes")
    if head[at + 42] & 0x80:
        raise DecodeError("has signed integers, whose white point is undefined; save it with unsigned integers")
    pixels, notes = full_range(imagecodecs.jpeg2k_decode(_whole(file)), bits)
    return _raster(pixels, image)._replace(notes=notes)


def _avif(file: BinaryIO, image: ImageFile.ImageFile) -> Raster | None:
    file.seek(0)
    head = file.read(_HEAD)
    at = head.find(_AV1_CONFIG)
    if at < 0 or at + 6 >= len(head) or not head[at + 6] & 0x40:
        return None
    bits = 12 if head[at + 6] & 0x20 else 10
    pixels = imagecodecs.avif_decode(_whole(file))
    pixels, notes = full_range(pixels if pixels.ndim < 4 else pixels[0], bits)
    return _raster(pixels, image)._replace(notes=notes)


def _sgi(file: BinaryIO, image: ImageFile.ImageFile) -> Raster | None:
    """Read uncompressed 16-bit files: a 512-byte header, then planes of rows from bottom to top."""
    file.seek(2)
    packed, bytes_per_level = file.read(2)
    if bytes_per_level != 2:
        return None
    if packed:
        raise DecodeError("is a run-length encoded 16-bit SGI file, which is not supported; save it uncompressed")
    width, height = image.size
    channels = len(image.getbands())
    file.seek(512)
    planes = np.frombuffer(file.read(width * height * channels * 2), ">u2").reshape(channels, height, width)
    return _raster(np.moveaxis(planes, 0, -1)[::-1].astype(np.uint16), image)


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _raster(pixels: np.ndarray, image: ImageFile.ImageFile) -> Raster:
    pixels = pixels.reshape(image.height, image.width, -1)
    channels = pixels.shape[2]
    mode = {1: "I;16", 2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}[channels]
    if image.mode == "CMYK":
        return Raster(np.ascontiguousarray(pixels), None, "cmyk", "CMYK;16")
    if channels in (2, 4):
        return split(pixels, mode)
    return Raster(np.ascontiguousarray(pixels), None, "grey" if channels == 1 else "rgb", mode)
