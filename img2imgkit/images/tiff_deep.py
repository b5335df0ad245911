"""Read the TIFF files that Pillow reads with 8 bits, or not at all: more than 8 bits a channel, unusual layouts."""

from __future__ import annotations

import logging
from typing import BinaryIO, NamedTuple

import numpy as np
import tifffile

from img2imgkit.images.picture import Space
from img2imgkit.images.raster import Raster, full_range, split

logging.getLogger("tifffile").addHandler(logging.NullHandler())
_SPACES: dict[str, Space] = {"MINISBLACK": "grey", "MINISWHITE": "grey", "RGB": "rgb", "SEPARATED": "cmyk"}
_CHANNELS = {"grey": 1, "rgb": 3, "cmyk": 4}


class Page(NamedTuple):
    """What the first page's tags state, before a pixel is decoded."""

    width: int
    height: int
    bits: int
    samples: int
    pages: int


def first_page(file: BinaryIO) -> Page:
    """Size, depth and channels of the first page, and the number of pages."""
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as tiff:
        page = tiff.pages.first
        return Page(page.imagewidth, page.imagelength, int(page.bitspersample), page.samplesperpixel, len(tiff.pages))


def read(file: BinaryIO) -> Raster:
    """The pixels of the first page.

    Raises:
        ValueError: its layout is none that this reads; the text says which.
    """
    file.seek(0)
    with tifffile.TiffFile(file, name="picture") as tiff:
        page = tiff.pages.first
        space, bits = _space(page), int(page.bitspersample)
        _check_segments(page, tiff.filehandle.size)
        pixels = _interleaved(page.asarray(), page)
        white_is_zero = page.photometric.name == "MINISWHITE"
        extras = tuple(int(extra) for extra in page.extrasamples)
    pixels, notes = full_range(pixels, bits)
    if white_is_zero:
        pixels[..., 0] = np.iinfo(pixels.dtype).max - pixels[..., 0]
    channels = _CHANNELS[space]
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[space]
    deep = pixels.dtype == np.uint16
    if not extras or extras[0] not in (1, 2):
        dropped = ("unspecified extra channels were left out",) if pixels.shape[2] > channels else ()
        name = ("I;16" if space == "grey" else f"{mode};16") if deep else mode
        return Raster(np.ascontiguousarray(pixels[..., :channels]), None, space, name, notes + dropped)
    raster = split(pixels[..., : channels + 1], f"{mode}A;16" if deep else f"{mode}A")
    if extras[0] == 1:
        raster = raster._replace(color=_unpremultiplied(raster.color, raster.alpha))
    return raster._replace(notes=notes)


def _space(page: tifffile.TiffPage) -> Space:
    if int(page.sampleformat) != 1:
        kind = {2: "signed integers", 3: "floating-point numbers"}.get(int(page.sampleformat), "of an unknown kind")
        raise ValueError(f"its levels are {kind} and have no stated white point; save it with 8 or 16 bits unsigned")
    if page.photometric.name not in _SPACES:
        raise ValueError(f"TIFF colour {page.photometric.name} with {int(page.bitspersample)} bits is not supported")
    space = _SPACES[page.photometric.name]
    if page.samplesperpixel < _CHANNELS[space]:
        raise ValueError(f"damaged TIFF: {page.samplesperpixel} channels cannot hold {page.photometric.name}")
    return space


def _check_segments(page: tifffile.TiffPage, size: int) -> None:
    """Refuse a page with parts missing, which tifffile would fill with black."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset == 0 or count == 0:
            raise ValueError("parts of its pixels are missing")
        if offset + count > size:
            raise ValueError(f"is cut off: its pixels end at byte {offset + count}, the file at byte {size}")


def _interleaved(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """(H, W), (H, W, C) or planar (C, H, W) to (H, W, C)."""
    if page.samplesperpixel > 1 and int(page.planarconfig) == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    return np.array(pixels, order="C")


def _unpremultiplied(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    assert alpha is not None
    top = np.iinfo(color.dtype).max
    wide = np.maximum(alpha, 1).astype(np.uint64)
    return np.minimum((color.astype(np.uint64) * (2 * top) + wide) // (2 * wide), top).astype(color.dtype)
