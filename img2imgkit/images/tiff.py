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
from img2imgkit.images import jpeg
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
            return Page(page.imagewidth, page.imagelength, page.samplesperpixel, plain, tile)
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
        _check_segments(page, tiff.filehandle.size)
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


_JPEG, _FAX = 7, (2, 4)  # not 3, whose rows may be filled up with zeros
_FAX_ZEROS = 8  # bytes; the codes of ITU-T T.4 and T.6 have at most 11 zero bits in a row


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
    separate = int(page.planarconfig) == 2
    space: Space | None = {1: "grey", 3: "rgb", 4: "cmyk"}.get(1 if separate else page.samplesperpixel)  # type: ignore[assignment]
    if space is None:
        return ""
    tables = page.jpegtables
    try:
        return jpeg.read(tables[:-2] + data[2:] if tables else data, space).damage
    except DecodeError as error:
        return str(error).removeprefix("is damaged: ")


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


def _check_segments(page: tifffile.TiffPage, size: int) -> None:
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
    strips = [_packed(pixels[top : top + rows], bits, predictor, compression, level) for top in range(0, height, rows)]
    starts = np.cumsum([0] + [len(strip) for strip in strips]).tolist()
    if starts[-1] > 0xFFFFFFFF - (64 << 20):
        raise ValueError("it would exceed 4 GiB, the limit of TIFF files")
    tags[256], tags[257] = width, height
    tags[258] = (bits,) * channels
    tags[259], tags[262] = _SCHEME[compression], _PHOTOMETRIC[space]
    tags[273], tags[279] = tuple(starts[:-1]), tuple(len(strip) for strip in strips)
    tags.tagtype[273] = tags.tagtype[279] = 4  # LONG: SHORT, the default for small values, cannot be moved later
    tags[277], tags[278], tags[284] = channels, min(rows, height), 1
    if predictor:
        tags[317] = 2
    if alpha:
        tags[338] = _UNASSOCIATED_ALPHA
    return b"II*\0" + struct.pack("<I", 8) + tags.tobytes(8) + b"".join(strips)


def _packed(rows: np.ndarray, bits: int, predictor: bool, compression: Compression, level: int) -> bytes:
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
