"""JPEG and fax data in TIFF files: their pixels and their damage, which other decoders do not tell."""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np
import tifffile

from img2imgkit.errors import DecodeError
from img2imgkit.images import jpeg
from img2imgkit.images.picture import Space
from img2imgkit.images.raster import Raster

_RGB = 2
_JPEG, _FAX = 7, (2, 4)  # not 3, whose rows may be filled up with zeros
_JPEG_SPACES: dict[tuple[int, int], Space] = {
    (1, 1): "grey",
    (2, 3): "rgb",
    (5, 4): "cmyk",
    (6, 3): "rgb",
}
_JPEG_RGB = b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  # states RGB: without it, YCbCr is assumed
_JPEG_MODES = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}
_FAX_ZEROS = 8  # bytes; the codes of ITU-T T.4 and T.6 have at most 11 zero bits in a row


def read(file: BinaryIO) -> Raster | None:
    """Read the pixels of a first page of JPEG data, and their damage, in one pass; None for other pages.

    Raises:
        DecodeError: none of its strips or tiles can be decoded.
    """
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as tiff:
        page = tiff.pages.first
        space = _JPEG_SPACES.get((int(page.photometric), page.samplesperpixel))
        if int(page.compression) != _JPEG or space is None or page.bitspersample != 8 or int(page.planarconfig) != 1:
            return None
        pixels = np.zeros((page.imagelength, page.imagewidth, page.samplesperpixel), np.uint8)
        height, width = page.chunks[:2]
        across, damages = -(-page.imagewidth // width), []
        for index in range(math.prod(page.chunked)):
            top, left = index // across * height, index % across * width
            damages.append(_fill(pixels[top : top + height, left : left + width], _segment(file, page, index), space))
        if all(damages) and not pixels.any():
            raise DecodeError(f"is damaged: {damages[0]}")
    return Raster(pixels, None, space, _JPEG_MODES[space], damage=next(filter(None, damages), ""))


def _segment(file: BinaryIO, page: tifffile.TiffPage, index: int) -> bytes:
    """Return the JPEG data of a strip or tile with their tables."""
    if index >= min(len(page.dataoffsets), len(page.databytecounts)):
        return b""
    file.seek(page.dataoffsets[index])
    return _with_tables(file.read(page.databytecounts[index]), page)


def _with_tables(data: bytes, page: tifffile.TiffPage) -> bytes:
    tables = page.jpegtables
    data = tables[:-2] + data[2:] if tables else data
    return _JPEG_RGB + data[2:] if int(page.photometric) == _RGB else data


def _fill(target: np.ndarray, data: bytes, space: Space) -> str:
    """Decode JPEG data to pixels (H, W, C), which the data may exceed; return what is damaged."""
    try:
        found = jpeg.read(data, space)
    except DecodeError as error:
        return str(error).removeprefix("is damaged: ")
    pixels = found.color[: target.shape[0], : target.shape[1]]
    target[: pixels.shape[0], : pixels.shape[1]] = pixels
    return found.damage or ("" if pixels.shape == target.shape else "some of its pixels are missing")


def coded_damage(file: BinaryIO) -> str:
    """Return what is damaged in the JPEG or fax data of the first page, whose decoders do not tell; or ""."""
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as tiff:
        page = tiff.pages.first
        scheme = int(page.compression)
        if scheme != _JPEG and scheme not in _FAX:
            return ""
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            file.seek(offset)
            data = file.read(count)
            found = _fax_damage(data) if scheme in _FAX else _jpeg_damage(data, page)
            if found:
                return found
    return ""


def _fax_damage(data: bytes) -> str:
    return "its coded data contain zeros" if bytes(_FAX_ZEROS) in data.rstrip(b"\0") else ""


def _jpeg_damage(data: bytes, page: tifffile.TiffPage) -> str:
    samples = 1 if int(page.planarconfig) == 2 else page.samplesperpixel
    space: Space | None = {1: "grey", 3: "rgb", 4: "cmyk"}.get(samples)  # type: ignore[assignment]
    if space is None:
        return ""
    try:
        return jpeg.read(_with_tables(data, page), space).damage
    except DecodeError as error:
        return str(error).removeprefix("is damaged: ")
