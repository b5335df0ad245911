"""Label maps: pictures whose pixels are ids, as levels, as indices of their own palette, or as colours of a file's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from img2imgkit.data.headers import header
from img2imgkit.data.palettes import Palette
from img2imgkit.data.picture_files import decoded, read_rgb
from img2imgkit.errors import DataError
from img2imgkit.images import DEFAULT_MAX_PIXELS, formats
from img2imgkit.images.pillow_warnings import captured_warnings


def read_ids(path: Path, palette: Palette | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """The ids of a label map, from the colours of ``palette`` where there is one.

    Shapes:
        (H, W) int32
    Raises:
        DataError: it cannot be read, is a JPEG, is in colour without a palette, has a colour that the palette lacks, or
            has more than ``max_pixels``.
    """
    if palette is not None:
        return _by_colour(path, read_rgb(path, max_pixels), palette)
    width, height, mode = header(path)
    if mode == "P" and width * height <= max_pixels:
        return _indices(path)
    picture = decoded(path, max_pixels)
    if picture.format == "JPEG":
        raise DataError(f"{path}: is a JPEG, which changes ids where they meet: save the map as PNG")
    if (picture.color != picture.color[..., :1]).any():
        raise DataError(f"{path}: is in colour: give a 'palette' that says which colour stands for which id")
    levels = picture.color[..., 0].astype(np.int32)
    bits = {"1": 1, "L;2": 2, "L;4": 4}.get(mode)  # decoded to the full range of 8 bits
    return levels // (255 // (2**bits - 1)) if bits else levels


def resized_ids(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Ids at another size (width, height): each from the nearest pixel, as Pillow finds it.

    Shapes:
        ids: (H, W) int32 -> (height, width) int32
    """
    return np.asarray(Image.fromarray(ids).resize(size, Image.Resampling.NEAREST), np.int32)


def checked(path: Path, ids: np.ndarray, classes: int, unknown: int | None) -> np.ndarray:
    """Ids below ``classes``; those of ``unknown`` pixels become ``classes`` itself, a class of their own.

    Shapes:
        ids: (H, W) int32 -> the same
    Raises:
        DataError: there is an id beyond.
    """
    void = np.zeros_like(ids, bool) if unknown is None else ids == unknown
    strange = np.argwhere((ids >= classes) & ~void)
    if len(strange):
        row, column = strange[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the id {ids[row, column]}, and classes are 0 to {classes - 1}; "
            "raise 'classes', or name that id as 'unknown'"
        )
    return np.where(void, classes, ids)


def _indices(path: Path) -> np.ndarray:
    """What a picture with a palette of its own holds: indices into it. Its header has been read already."""
    try:
        with path.open("rb") as file, captured_warnings():
            return np.asarray(formats.open_header(file)).astype(np.int32)
    except Exception as error:  # decoders raise anything on damaged data
        raise DataError(f"{path}: is damaged: {error}") from error


def _by_colour(path: Path, pixels: np.ndarray, palette: Palette) -> np.ndarray:
    numbers = np.asarray(list(palette.readable), np.int32)
    colours = _packed(np.asarray(list(palette.readable.values()), np.int32))
    packed = _packed(pixels.astype(np.int32))
    order = np.argsort(colours)
    places = order[np.clip(np.searchsorted(colours[order], packed), 0, len(colours) - 1)]
    strange = np.argwhere(colours[places] != packed)
    if len(strange):
        row, column = strange[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the colour {pixels[row, column].tolist()}, which the palette lacks"
        )
    return numbers[places]


def _packed(colours: np.ndarray) -> np.ndarray:
    return (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
