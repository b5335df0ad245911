"""TIFF files of large pictures, read and written by strips or tiles, so that memory holds few rows at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, BinaryIO

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from img2imgkit.errors import DecodeError
from img2imgkit.images import scratch, tiff
from img2imgkit.images.picture import Picture
from img2imgkit.images.raster import Raster

_RELEASE = 64 << 20  # bytes of pixels between two releases
_CLASSIC_LIMIT = 0xFFFFFFFF - (64 << 20)  # beyond it, offsets need BigTIFF
_HEADER = 16  # bytes of a BigTIFF file's header; a classic one's has 8
_PLACES, _SIZES = 273, 279  # StripOffsets, StripByteCounts
_LONG, _LONG8 = 4, 16  # types
_TRUE, _STRAIGHT = 1, 2  # SampleFormat: unsigned; ExtraSamples: alpha that is not premultiplied


def is_supported(page: tifffile.TiffPage) -> bool:
    """Whether ``read`` reads a page: interleaved 8 or 16 bits of grey or RGB, with or without straight alpha."""
    simple = page.photometric.name in ("MINISBLACK", "RGB") and page.bitspersample in (8, 16)
    channels = 3 if page.photometric.name == "RGB" else 1
    alpha = tuple(int(extra) for extra in page.extrasamples) == (_STRAIGHT,) and page.samplesperpixel == channels + 1
    interleaved = int(page.planarconfig) == 1 and int(page.sampleformat or _TRUE) == _TRUE
    return simple and interleaved and (alpha or page.samplesperpixel == channels)


def read_large(file: BinaryIO) -> Raster | None:
    """Read the pixels of the first page if they are large and ``is_supported``; otherwise return None.

    Raises:
        NoRoom: the temporary folder is full.
        DecodeError: a segment is missing or damaged.
    """
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as opened:
        page = opened.pages.first
        pixels = page.imagewidth * page.imagelength * page.samplesperpixel
        if not (is_supported(page) and scratch.is_large(pixels * page.bitspersample // 8)):
            return None
        tiff.check_segments(page, opened.filehandle.size)
        return read(page)


def read(page: tifffile.TiffPage) -> Raster:
    """Read the pixels of a page that is supported and whose segments are all there.

    Raises:
        NoRoom: the temporary folder is full.
        DecodeError: a segment is damaged.
    """
    dtype = np.uint8 if page.bitspersample == 8 else np.uint16
    height, width, channels = page.imagelength, page.imagewidth, 3 if page.photometric.name == "RGB" else 1
    color = scratch.empty_pixels((height, width, channels), dtype)
    alpha = scratch.empty_pixels((height, width, 1), dtype) if page.samplesperpixel > channels else None
    read_bytes = 0
    for top, left, block in _blocks(page):
        rows, columns = slice(top, top + len(block)), slice(left, left + block.shape[1])
        color[rows, columns] = block[..., :channels]
        if alpha is not None:
            alpha[rows, columns] = block[..., channels:]
        read_bytes += block.nbytes
        if read_bytes > _RELEASE:
            read_bytes = 0
            scratch.release_pixels(color, *([] if alpha is None else [alpha]))
    plain = ("RGB" if channels > 1 else "L") + ("" if alpha is None else "A")
    deep = "I;16" if plain == "L" else f"{plain};16"
    return Raster(color, alpha, "rgb" if channels > 1 else "grey", plain if dtype == np.uint8 else deep)


def _blocks(page: tifffile.TiffPage) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield top, left and pixels of each strip or tile, without what exceeds the picture."""
    for block, (_, _, top, left, _), (_, rows, columns, _) in page.segments(maxworkers=1, buffersize=1):
        if block is None or top >= page.imagelength:
            raise DecodeError("is damaged: some of its pixels are missing")
        yield top, left, block[0, : min(rows, page.imagelength - top), : min(columns, page.imagewidth - left)]


def write(file: IO[bytes], picture: Picture, tags: TiffImagePlugin.ImageFileDirectory_v2, level: int) -> None:
    """Write a picture as a TIFF file with deflated strips; a BigTIFF file if it needs more than 4 GiB.

    Args:
        file: empty and seekable
        tags: all tags except those of the layout
        level: of the compression
    """
    start = file.tell()
    file.write(bytes(_HEADER))
    places, sizes, rows = [], [], _rows_per_strip(picture)
    for top in range(0, picture.height, rows):
        strip = tiff.packed(_stacked(picture, top, top + rows), picture.depth, True, "deflate", level)
        places.append(file.tell() - start)
        sizes.append(len(strip))
        file.write(strip)
        if top // rows % max(1, _RELEASE // tiff.STRIP_BYTES) == 0:
            _release(picture)
    _release(picture)
    at = file.tell() - start
    big = at > _CLASSIC_LIMIT
    channels = picture.color.shape[2] + (picture.alpha is not None)
    tiff.set_layout(tags, (picture.width, picture.height, channels), picture.space, picture.depth, "deflate")
    tags[278] = min(rows, picture.height)
    if picture.alpha is not None:
        tags[338] = _STRAIGHT
    file.write(_directory(tags, places, sizes, at, big))
    file.seek(start)
    file.write(b"II+\0" + struct.pack("<HHQ", 8, 0, at) if big else b"II*\0" + struct.pack("<I", at))
    file.seek(0, 2)


def _directory(
    tags: TiffImagePlugin.ImageFileDirectory_v2, places: list[int], sizes: list[int], at: int, big: bool
) -> bytes:
    """Return the bytes of the directory at a place behind the strips.

    Pillow adds the end of the directory to the offsets of strips, so they are set afterwards.
    """
    kept = tags if not big else TiffImagePlugin.ImageFileDirectory_v2(b"II+\0\x08\0\0\0".ljust(_HEADER, b"\0"))
    if big:
        for tag in tags:
            kept.tagtype[tag] = tags.tagtype[tag]
            kept[tag] = tags[tag]
    kept.tagtype[_PLACES] = kept.tagtype[_SIZES] = _LONG8 if big else _LONG
    kept[_PLACES], kept[_SIZES] = (0,) * len(places), tuple(sizes)
    made = bytearray(kept.tobytes(at))
    number, code = sorted(kept).index(_PLACES), "Q" if big else "I"
    value = 8 + 20 * number + 12 if big else 2 + 12 * number + 8  # of the entry
    if len(places) > 1:
        value = struct.unpack_from(f"<{code}", made, value)[0] - at
    struct.pack_into(f"<{len(places)}{code}", made, value, *places)
    return bytes(made)


def _rows_per_strip(picture: Picture) -> int:
    channels = picture.color.shape[2] + (picture.alpha is not None)
    return max(1, tiff.STRIP_BYTES // (picture.width * channels * picture.depth // 8))


def _stacked(picture: Picture, start: int, stop: int) -> np.ndarray:
    color = picture.color[start:stop]
    return color if picture.alpha is None else np.concatenate([color, picture.alpha[start:stop]], axis=2)


def _release(picture: Picture) -> None:
    scratch.release_pixels(picture.color, *([] if picture.alpha is None else [picture.alpha]))
