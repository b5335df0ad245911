"""Read HEIC and HEIF files with libheif, which returns them upright."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images import heif_boxes, left_behind
from img2imgkit.images.affine import Placement
from img2imgkit.images.metadata import ParsedMetadata, of_blocks, with_numbers
from img2imgkit.images.raster import Raster, full_range, split, unpremultiplied
from img2imgkit.images.tiff_pages import further_pictures


def header(file: BinaryIO) -> tuple[int, int, str]:
    """Return the upright width and height of the main picture, and its mode. Nothing is decoded.

    Raises:
        DecodeError: it has an unknown layout.
    """
    opened = _opened(file)
    width, height = opened.size
    return width, height, _mode(opened[opened.primary_index])


def read(file: BinaryIO) -> tuple[Raster, ParsedMetadata, tuple[str, ...]]:
    """Return the pixels of the main picture, the metadata, and notes on what else the file holds.

    Raises:
        DecodeError: it has an unknown layout. libheif raises ValueError and others if it is damaged.
    """
    opened = _opened(file)
    image = opened[opened.primary_index]
    info = image.info
    raster = _raster(image)
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    parsed = of_blocks(info.get("icc_profile"), exif, info.get("xmp"))
    parsed = with_numbers(parsed, heif_boxes.describe(file).numbers)
    parsed = parsed._replace(orientation=1, placement=_placement(file, raster))  # that of EXIF is not applied
    return raster, parsed, (*further_pictures(len(opened) - 1), *left_behind.in_bmff(file), *_left_behind(info))


def _placement(file: BinaryIO, raster: Raster) -> Placement | None:
    height, width = raster.color.shape[:2]
    found = heif_boxes.transform(file)
    return Placement((width, height), *found) if found else None


def _opened(file: BinaryIO) -> Any:
    import pi_heif

    file.seek(0)
    return pi_heif.open_heif(file, convert_hdr_to_8bit=False)


def _left_behind(info: dict[str, Any]) -> list[str]:
    """Return notes on what libheif finds besides the picture."""
    kinds = info.get("aux") or {}
    notes = [left_behind.DEPTH_MAP] if info.get("depth_images") else []
    notes += [left_behind.GAIN_MAP] if any("gainmap" in kind for kind in kinds) else []
    return notes + (["auxiliary pictures were left out"] if any("gainmap" not in kind for kind in kinds) else [])


def _raster(image: Any) -> Raster:
    bits, mode = int(image.info.get("bit_depth", 8)), _mode(image)
    stored = np.array(image)  # a copy: the memory is libheif's, and freed with the image
    if bits > 8:
        stored = stored >> (16 - bits)  # libheif's levels begin at the most significant bit
    pixels, notes = full_range(stored.reshape(image.size[1], image.size[0], -1), bits)
    if pixels.shape[2] in (2, 4):
        raster = split(pixels, mode)
        return (unpremultiplied(raster) if image.premultiplied_alpha else raster)._replace(notes=notes)
    return Raster(np.ascontiguousarray(pixels), None, "grey" if pixels.shape[2] == 1 else "rgb", mode, notes)


def _mode(image: Any) -> str:
    mode = str(image.mode).partition(";")[0]
    if mode not in ("L", "LA", "RGB", "RGBA", "RGBa", "La"):
        raise DecodeError(f"has the colour mode {mode}, which is not supported")
    if int(image.info.get("bit_depth", 8)) == 8:
        return mode.upper()
    return "I;16" if mode == "L" else f"{mode.upper()};16"
