"""Label maps: pictures whose pixels are ids, as levels, as indices of their own palette, or as colours of a file's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from img2imgkit.config import load_yaml
from img2imgkit.data.headers import header
from img2imgkit.data.pictures import decoded, read_rgb
from img2imgkit.errors import ConfigError, DataError
from img2imgkit.images import formats
from img2imgkit.images.complaints import heard

Colours = Mapping[str, tuple[int, int, int]]


def read_palette(path: Path) -> Colours:
    """A palette file: YAML with the name and colour of each class, ``road: [128, 64, 128]``, in the order of ids.

    Raises:
        DataError: it cannot be read, or an entry is no colour or one that is there already.
    """
    try:
        data = load_yaml(path).data
    except ConfigError as error:
        raise DataError(str(error)) from error
    if not isinstance(data, dict) or not data:
        raise DataError(f"{path}: expected names and colours of classes, such as road: [128, 64, 128]")
    found: dict[str, tuple[int, int, int]] = {}
    for name, colour in data.items():
        levels = colour if isinstance(colour, list) else []
        if len(levels) != 3 or not all(type(level) is int and 0 <= level <= 255 for level in levels):
            raise DataError(f"{path}: {name}: expected [red, green, blue], each 0 to 255, got {colour!r}")
        if tuple(levels) in found.values():
            raise DataError(f"{path}: {name}: {colour} is the colour of another class, too")
        found[name] = (levels[0], levels[1], levels[2])
    return found


def read_ids(path: Path, palette: Colours | None = None) -> np.ndarray:
    """The ids of a label map, from the colours of ``palette`` where there is one.

    Shapes:
        (H, W) int32
    Raises:
        DataError: it cannot be read, is in colour without a palette, or has a colour that the palette lacks.
    """
    if palette is not None:
        return _by_colour(path, read_rgb(path), palette)
    mode = header(path).mode
    if mode == "P":
        return _indices(path)
    picture = decoded(path)
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
    if unknown is not None:
        ids = np.where(ids == unknown, classes, ids)
    most = classes if unknown is not None else classes - 1
    if ids.max() > most:
        row, column = np.argwhere(ids > most)[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the id {ids[row, column]}, and classes are 0 to {classes - 1}; "
            "raise 'classes', or name that id as 'unknown'"
        )
    return ids


def _indices(path: Path) -> np.ndarray:
    """What a picture with a palette of its own holds: indices into it. Its header has been read already."""
    try:
        with path.open("rb") as file, heard():
            return np.asarray(formats.open_header(file)).astype(np.int32)
    except Exception as error:  # decoders raise anything on damaged data
        raise DataError(f"{path}: is damaged: {error}") from error


def _by_colour(path: Path, pixels: np.ndarray, palette: Colours) -> np.ndarray:
    colours = _packed(np.asarray(list(palette.values()), np.int32))
    packed = _packed(pixels.astype(np.int32))
    order = np.argsort(colours)
    ids = order[np.clip(np.searchsorted(colours[order], packed), 0, len(colours) - 1)]
    strange = np.argwhere(colours[ids] != packed)
    if len(strange):
        row, column = strange[0]
        raise DataError(
            f"{path}: pixel ({column}, {row}) has the colour {pixels[row, column].tolist()}, which the palette lacks"
        )
    return ids.astype(np.int32)


def _packed(colours: np.ndarray) -> np.ndarray:
    return (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
