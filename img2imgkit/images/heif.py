"""Read HEIC and HEIF files with libheif, which returns them upright."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images.metadata import ParsedMetadata, cicp_chunk, of_blocks
from img2imgkit.images.raster import Raster, full_range, split, unpremultiplied


def size(file: BinaryIO) -> tuple[int, int]:
    """Return the upright width and height of the main picture. Nothing is decoded."""
    width, height = _opened(file).size
    return width, height


def read(file: BinaryIO) -> tuple[Raster, ParsedMetadata, int]:
    """Return the pixels of the main picture, the metadata, and the number of pictures.

    Raises:
        DecodeError: it has an unknown layout. libheif raises ValueError and others if it is damaged.
    """
    opened = _opened(file)
    image = opened[opened.primary_index]
    info = image.info
    raster = _raster(image)
    nclx = info.get("nclx_profile") or {}
    numbers = (nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    parsed = of_blocks(info.get("icc_profile"), exif, info.get("xmp"), cicp_chunk(*numbers))
    notes = tuple(f"left out: {what}" for what in _left_out(info))
    return raster._replace(notes=(*raster.notes, *notes)), parsed._replace(orientation=1), len(opened)


def _opened(file: BinaryIO) -> Any:
    import pi_heif

    file.seek(0)
    return pi_heif.open_heif(file, convert_hdr_to_8bit=False)


def _left_out(info: dict[str, Any]) -> list[str]:
    names = ["depth map"] if info.get("depth_images") else []
    kinds = info.get("aux") or {}
    names += ["gain map"] if any("gainmap" in kind for kind in kinds) else []
    return names + (["auxiliary pictures"] if any("gainmap" not in kind for kind in kinds) else [])


def _raster(image: Any) -> Raster:
    bits, mode = int(image.info.get("bit_depth", 8)), str(image.mode).partition(";")[0]
    if mode not in ("L", "LA", "RGB", "RGBA", "RGBa", "La"):
        raise DecodeError(f"has the colour mode {mode}, which is not supported")
    stored = np.array(image)  # a copy: the memory is libheif's, and freed with the image
    if bits > 8:
        stored = stored >> (16 - bits)  # libheif's levels begin at the most significant bit
    pixels, notes = full_range(stored.reshape(image.size[1], image.size[0], -1), bits)
    deep = ";16" if bits > 8 else ""
    if pixels.shape[2] in (2, 4):
        raster = split(pixels, mode.upper() + deep)
        return (unpremultiplied(raster) if image.premultiplied_alpha else raster)._replace(notes=notes)
    pixels = np.ascontiguousarray(pixels)
    if pixels.shape[2] == 1:
        return Raster(pixels, None, "grey", "I;16" if deep else "L", notes)
    return Raster(pixels, None, "rgb", "RGB" + deep, notes)
