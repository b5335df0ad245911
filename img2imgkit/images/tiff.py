"""TIFF files: pixels of all colour spaces and layouts, read and written at full depth."""

from __future__ import annotations

import logging
import math
import struct
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from img2imgkit.errors import DecodeError
from img2imgkit.images.deflate import deflate
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.picture import Space
from img2imgkit.images.raster import Raster, full_range, split, unpremultiplied

logging.getLogger("tifffile").addHandler(logging.NullHandler())
_SPACES: dict[str, Space] = {"MINISBLACK": "grey", "MINISWHITE": "grey", "RGB": "rgb", "SEPARATED": "cmyk"}
STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PREMULTIPLIED, _STRAIGHT, _COREL = 1, 2, 999
_CHANNELS = {"grey": 1, "rgb": 3, "cmyk": 4}


class Page(NamedTuple):
    """The tags of the first page, read before pixels are decoded.

    ``plain`` states that ``read`` supports it: unsigned 8 to 16 bits, or floating-point numbers, of grey, RGB or CMYK.
    Others are left to Pillow.
    """

    width: int
    height: int
    samples: int
    plain: bool
    tile: tuple[int, int]  # (0, 0) if it is not tiled
    is_float: bool  # whether its levels are floating-point numbers


def first_page(file: BinaryIO) -> Page:
    """Read size and layout of the first page.

    Raises:
        DecodeError: there is no page, or its tags are damaged.
    """
    file.seek(0)
    try:
        with tifffile.TiffFile(file, name="picture") as tiff:
            page = tiff.pages.first
            unsigned = int(page.sampleformat or 1) == 1
            plain = page.photometric.name in _SPACES and (_is_float(page) or (unsigned and 8 <= _bits(page) <= 16))
            tile = (page.tilewidth, page.tilelength)
            return Page(page.imagewidth, page.imagelength, page.samplesperpixel, plain, tile, _is_float(page))
    except DecodeError:
        raise
    except Exception as error:
        raise DecodeError(f"is damaged: its first TIFF page cannot be read ({type(error).__name__})") from error


def read(file: BinaryIO, float_levels: FloatLevels | None = None) -> Raster:
    """Read the pixels of the first page.

    Raises:
        DecodeError: its layout is damaged or not supported, or it has floating-point levels without ``float_levels``.
    """
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as tiff:
        page = tiff.pages.first
        is_float = _is_float(page)
        if is_float and float_levels is None:
            raise DecodeError(FloatLevels.UNSTATED)
        space, bits = _space(page), 16 if is_float else _bits(page)
        check_segments(page, tiff.filehandle.size)
        pixels = _interleaved(page.asarray(maxworkers=1), page)
        white_is_zero = page.photometric.name == "MINISWHITE"
        extras = tuple(int(extra) for extra in page.extrasamples)
        if space == "rgb" and page.samplesperpixel == 4 and not (set(extras) - {_COREL}):
            extras = (_STRAIGHT,)  # the tag is missing or non-standard; writers that do this mean alpha
    if is_float and float_levels is not None:
        alpha = bool(extras) and extras[0] in (_PREMULTIPLIED, _STRAIGHT)
        pixels, notes = float_levels.levels(pixels, alpha=alpha, linear=False)
    else:
        pixels, notes = full_range(pixels, bits)
    if white_is_zero:
        pixels[..., 0] = np.iinfo(pixels.dtype).max - pixels[..., 0]
    channels = _CHANNELS[space]
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[space]
    high_depth = pixels.dtype == np.uint16
    if not extras or extras[0] not in (_PREMULTIPLIED, _STRAIGHT):
        dropped = ("unspecified extra channels were left out",) if pixels.shape[2] > channels else ()
        name = ("I;16" if space == "grey" else f"{mode};16") if high_depth else mode
        return Raster(np.ascontiguousarray(pixels[..., :channels]), None, space, name, notes + dropped)
    raster = split(pixels[..., : channels + 1], f"{mode}A;16" if high_depth else f"{mode}A")
    if extras[0] == _PREMULTIPLIED:
        raster = unpremultiplied(raster)
    return raster._replace(notes=notes)


def _is_float(page: tifffile.TiffPage) -> bool:
    return int(page.sampleformat or 1) == 3


def _bits(page: tifffile.TiffPage) -> int:
    bits = page.bitspersample
    if isinstance(bits, tuple):
        raise DecodeError(f"has channels of {', '.join(map(str, bits))} bits, which is not supported")
    return int(bits)


def _space(page: tifffile.TiffPage) -> Space:
    if int(page.sampleformat) != 1 and not _is_float(page):
        kind = {2: "signed integers"}.get(int(page.sampleformat), "of an unknown kind")
        raise DecodeError(f"has levels that are {kind}, without a white point; save it with 8 or 16 unsigned bits")
    if page.photometric.name not in _SPACES:
        raise DecodeError(f"has TIFF colours {page.photometric.name} with {_bits(page)} bits, which is not supported")
    space = _SPACES[page.photometric.name]
    if page.samplesperpixel < _CHANNELS[space]:
        raise DecodeError(f"is damaged: {page.samplesperpixel} channels are too few for {page.photometric.name}")
    return space


def check_segments(page: tifffile.TiffPage, size: int) -> None:
    """Refuse a page with missing segments, which tifffile would fill with black."""
    if len(page.dataoffsets) < math.prod(page.chunked):
        raise DecodeError("is damaged: some of its pixels are missing")
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset == 0 or count == 0:
            raise DecodeError("is damaged: some of its pixels are missing")
        if offset + count > size:
            raise DecodeError(f"is cut off: its pixels end at byte {offset + count}, the file at byte {size}")


def _interleaved(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Convert (H, W), (H, W, C) or planar (C, H, W) to (H, W, C)."""
    if page.samplesperpixel > 1 and int(page.planarconfig) == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    return np.array(pixels, order="C")


Compression = Literal["deflate", "lzw", "none"]
STRIP_BYTES = 1 << 18
_PHOTOMETRIC = {"grey": 1, "rgb": 2, "palette": 3, "cmyk": 5}
_SCHEME = {"none": 1, "lzw": 5, "deflate": 8}
_UNASSOCIATED_ALPHA = 2
_DIFFERENCES = 2  # predictor


def write(
    pixels: np.ndarray,
    space: Space | Literal["palette"],
    tags: TiffImagePlugin.ImageFileDirectory_v2,
    *,
    bits: int,
    alpha: bool,
    compression: Compression = "deflate",
    level: int = 6,
) -> bytes:
    """Return the bytes of a TIFF file.

    Args:
        tags: all tags except those of the layout, which are added here

    Shapes:
        pixels: (H, W, C), uint8 or uint16, alpha last; for ``bits=1`` (H, W, 1) of 0 and 255

    Raises:
        ValueError: the file would exceed 4 GiB.
    """
    height, width, channels = pixels.shape
    per_row = (width + 7) // 8 if bits == 1 else width * channels * bits // 8
    rows = max(1, STRIP_BYTES // per_row)
    predictor = bits > 1 and space != "palette" and compression != "none"
    strips = [packed(pixels[top : top + rows], bits, predictor, compression, level) for top in range(0, height, rows)]
    starts = np.cumsum([0] + [len(strip) for strip in strips]).tolist()
    if starts[-1] > 0xFFFFFFFF - (64 << 20):
        raise ValueError("it would exceed 4 GiB, the limit of TIFF files")
    set_layout(tags, (width, height, channels), space, bits, compression)
    tags[273], tags[279] = tuple(starts[:-1]), tuple(len(strip) for strip in strips)
    tags.tagtype[273] = tags.tagtype[279] = 4  # LONG: SHORT, the default for small values, cannot be moved later
    tags[278] = min(rows, height)
    if alpha:
        tags[338] = _UNASSOCIATED_ALPHA
    return b"II*\0" + struct.pack("<I", 8) + tags.tobytes(8) + b"".join(strips)


def set_layout(
    tags: TiffImagePlugin.ImageFileDirectory_v2,
    shape: tuple[int, int, int],
    space: Space | Literal["palette"],
    bits: int,
    compression: Compression,
) -> None:
    """Set the tags of size, depth and colours; those of the strips and of alpha are left.

    Args:
        shape: width, height and channels
    """
    tags[256], tags[257], tags[277] = shape
    tags[258] = (bits,) * shape[2]
    tags[259], tags[262], tags[284] = _SCHEME[compression], _PHOTOMETRIC[space], 1
    if bits > 1 and space != "palette" and compression != "none":
        tags[317] = _DIFFERENCES


def packed(rows: np.ndarray, bits: int, predictor: bool, compression: Compression, level: int) -> bytes:
    """Return the bytes of a strip, ``predictor``: of the differences of neighbouring pixels."""
    if bits == 1:
        data = np.packbits(rows[..., 0] > 127, axis=1).tobytes()
    elif predictor:
        steps = rows.copy()
        steps[:, 1:] -= rows[:, :-1]  # wraps around, as the predictor requires
        data = steps.astype(steps.dtype.newbyteorder("<"), copy=False).tobytes()
    else:
        data = rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
    if compression == "deflate":
        return deflate(data, level)
    if compression == "lzw":
        import imagecodecs

        return bytes(imagecodecs.lzw_encode(data))
    return data
