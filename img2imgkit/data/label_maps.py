"""Label maps: pictures of ids, stored as grey levels, as indices into a palette, or as colours of a palette file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from img2imgkit import images
from img2imgkit.data.palettes import Palette
from img2imgkit.data.picture_files import decoded, header
from img2imgkit.errors import DataError, DecodeError
from img2imgkit.files import open_regular
from img2imgkit.images import DEFAULT_MAX_PIXELS, formats, png_chunks, png_read
from img2imgkit.images.pillow_warnings import captured_warnings


def read_ids(path: Path, palette: Palette | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """Read the ids of a label map; with ``palette``, from its colours.

    Shapes:
        (H, W) int32
    Raises:
        DataError: the map cannot be read, is in a format with lossy compression, is in colour without a palette, has a
            colour that the palette does not contain, or has more than ``max_pixels``.
    """
    width, height, mode = header(path)
    format = images.format_of_content(path)
    if format in formats.OTHER_DECODERS:
        raise DataError(f"{path}: is a {format} file, which cannot be a label map; save the map as PNG")
    if palette is not None:
        colours = images.with_depth(images.to_rgb(decoded(path, max_pixels)), 8).color
        return _by_colour(path, colours, palette)
    if mode == "P" and width * height <= max_pixels:
        return _indices(path)
    picture = decoded(path, max_pixels)
    if picture.lossy:
        raise DataError(f"{path}: is a {picture.format}, whose compression changes ids; save the map as PNG")
    if (picture.color != picture.color[..., :1]).any():
        raise DataError(f"{path}: is in colour; state a 'palette' that maps colours to ids")
    levels = picture.color[..., 0].astype(np.int32)
    bits = {"1": 1, "L;2": 2, "L;4": 4}.get(mode)  # decoding scales them to 8 bits
    return levels // (255 // (2**bits - 1)) if bits else levels


def left_out_of_map(path: Path) -> tuple[str, ...]:
    """Decode a label map; return a note on each thing that reading its ids leaves out."""
    picture = decoded(path)
    opaque = images.is_opaque(picture)
    return (*picture.notes, *(() if opaque else ("transparency is left out; transparent pixels keep their ids",)))


def resized_ids(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize ids to a size (width, height) by Pillow's nearest-neighbour filter.

    Shapes:
        ids: (H, W) int32 -> (height, width) int32
    """
    return np.asarray(Image.fromarray(ids).resize(size, Image.Resampling.NEAREST), np.int32)


def checked(path: Path, ids: np.ndarray, classes: int, unknown: int | None) -> np.ndarray:
    """Check that ids are below ``classes``, and replace ``unknown`` by ``classes``, a class of its own.

    Shapes:
        ids: (H, W) int32 -> the same
    Raises:
        DataError: an id is out of range.
    """
    void = np.zeros_like(ids, bool) if unknown is None else ids == unknown
    invalid = np.argwhere((ids >= classes) & ~void)
    if len(invalid):
        row, column = invalid[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the id {ids[row, column]}, but ids are 0 to {classes - 1}; "
            "increase 'classes', or state this id as 'unknown'"
        )
    return np.where(void, classes, ids)


def _indices(path: Path) -> np.ndarray:
    """Read the indices of a palette picture whose header has been checked."""
    try:
        with open_regular(path) as file, captured_warnings():
            if file.read(8) == png_chunks.SIGNATURE:
                png_read.verify(file)
            return np.asarray(formats.open_header(file)).astype(np.int32)
    except DecodeError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # decoders raise anything on damaged data
        raise DataError(f"{path}: is damaged: {error}") from error


def _by_colour(path: Path, pixels: np.ndarray, palette: Palette) -> np.ndarray:
    numbers = np.asarray(list(palette.readable), np.int32)
    colours = _packed(np.asarray(list(palette.readable.values()), np.int32))
    packed = _packed(pixels.astype(np.int32))
    order = np.argsort(colours)
    places = order[np.clip(np.searchsorted(colours[order], packed), 0, len(colours) - 1)]
    invalid = np.argwhere(colours[places] != packed)
    if len(invalid):
        row, column = invalid[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the colour {pixels[row, column].tolist()}, "
            "which is not in the palette; add it there"
        )
    return numbers[places]


def _packed(colours: np.ndarray) -> np.ndarray:
    return (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
