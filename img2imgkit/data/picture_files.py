"""Find the pictures of training folders, read them, and store their pixels."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from img2imgkit import images
from img2imgkit.data_kind import Contents
from img2imgkit.errors import DataError, DecodeError
from img2imgkit.geometry import Geometry
from img2imgkit.images.decode import shown
from img2imgkit.inference.inputs.channels import to_model, without_hidden_colours

MAX_LISTED = 20
IGNORED = "files that are not pictures, or cannot be read, are ignored"


def header(path: Path) -> images.Header:
    """Read the header of a picture file; its content determines the format.

    Raises:
        DataError: the file cannot be read, is not a picture, has floating-point levels, whose white point is unknown,
            or is CMYK, whose colours depend on a profile.
    """
    try:
        found = images.header_of(path)
    except DecodeError as error:
        raise DataError(str(error)) from error
    if found.is_float:
        raise DataError(f"{shown(path)}: {images.FloatLevels.UNSTATED}")
    if found.mode.startswith("CMYK"):
        raise DataError(f"{shown(path)}: is in cmyk; convert it to RGB first")
    return found


def find_pictures(folders: Iterable[Path], problems: list[str]) -> list[Path]:
    """Find the picture files in folders and their subfolders, in an order independent of the file system.

    Pictures are recognised by suffix, or else by content. Missing folders and folders without pictures are added to
    ``problems``. Hidden files are ignored.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: no such folder")
            continue
        inside = pictures_in(folder)
        if not inside:
            problems.append(no_picture_in(folder))
        found += inside
    return found


def pictures_in(folder: Path, recursive: bool = True) -> list[Path]:
    """Return the picture files in a folder, sorted; none if there is no such folder. Hidden files are ignored."""
    return sorted(path for path in _visible(folder, recursive) if images.is_picture(path))


def no_picture_in(folder: Path) -> str:
    """Say that a folder contains no picture, and what else it contains."""
    others = unread_in(folder)
    return f"{folder}: contains no picture{f', only other files: {others}' if others else ''}"


def unread_in(folder: Path, known: Collection[Path] = (), recursive: bool = True) -> str:
    """Count the files in a folder that are no pictures which can be read, by suffix; "" if there are none.

    Hidden files, and files whose purpose is ``known``, do not count.
    """
    counts = Counter[str]()
    for path in _visible(folder, recursive):
        if path not in known and not images.is_picture(path):
            counts[path.suffix.lower() or "without suffix"] += 1
    remedies = images.unreadable_suffixes()
    return ", ".join(
        f"{count} {suffix}{f' ({remedies[suffix]})' if remedies.get(suffix) else ''}"
        for suffix, count in counts.most_common()
    )


def _visible(folder: Path, recursive: bool) -> Iterator[Path]:
    for path in folder.rglob("*") if recursive else folder.glob("*"):
        if not any(map(images.is_hidden, path.relative_to(folder).parts)) and path.is_file():
            yield path


def list_pictures(folders: Iterable[Path]) -> list[Path]:
    """Find the picture files in folders like ``find_pictures``, but raise problems as an error.

    Raises:
        DataError: a folder does not exist, or contains no picture.
    """
    problems: list[str] = []
    found = find_pictures(folders, problems)
    raise_problems(problems)
    return found


def contents_of(name: str, sizes: Sequence[tuple[int, int]], modes: Iterable[str]) -> Contents:
    """Summarise the pictures of a folder from their sizes (width, height) and modes."""
    if not sizes:
        return Contents(name, 0)
    widths, heights = zip(*sizes, strict=True)
    smallest, largest = ((some(widths), some(heights)) for some in (min, max))
    return Contents(name, len(sizes), smallest, largest, dict(Counter(modes)))


def raise_problems(problems: Sequence[str]) -> None:
    """Raise one DataError for all problems, if there are any; a very long list is truncated."""
    if problems:
        more = [f"... and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
        raise DataError("\n".join([*problems[:MAX_LISTED], *more]))


def read_levels(path: Path, channels: int) -> np.ndarray:
    """Read the pixels of a picture: upright, at its own bit depth, transparent pixels filled with colours around them.

    Grey is repeated for 3 channels. For 1 channel, RGB is converted to grey by the weights of BT.601.

    Shapes:
        (H, W, channels), uint8 or uint16
    Raises:
        DataError: the picture cannot be read, is fully transparent, or is CMYK, whose colours depend on a profile.
    """
    return levels_of(path, decoded(path), channels)


def read_source(path: Path, geometry: Geometry) -> np.ndarray:
    """Read the pixels that a task's networks read, the same as when a Translator runs them; see ``to_model``.

    Shapes:
        (H, W, geometry.channels), uint8 or uint16
    Raises:
        DataError: as ``read_levels``
    """
    return source_of(path, decoded(path), geometry)


def levels_of(path: Path, picture: images.Picture, channels: int) -> np.ndarray:
    """The pixels of a decoded picture, see ``read_levels``."""
    _prove_visible(path, picture)
    return without_hidden_colours((images.to_rgb if channels == 3 else images.to_grey)(picture)).color


def source_of(path: Path, picture: images.Picture, geometry: Geometry) -> np.ndarray:
    """The pixels of a decoded picture, see ``read_source``."""
    _prove_visible(path, picture)
    pixels = to_model(picture, geometry, keeps_grey=False).color
    return pixels if pixels.shape[2] == geometry.channels else np.repeat(pixels, geometry.channels, axis=2)


def read_rgb(path: Path) -> np.ndarray:
    """Read the pixels of a picture like ``read_levels``, with 3 channels and 8 bits.

    Shapes:
        (H, W, 3) uint8
    Raises:
        DataError: as ``read_levels``
    """
    return images.with_depth(images.Picture(read_levels(path, 3)), 8).color


def left_out(path: Path, channels: int, depth: int = 16) -> tuple[str, ...]:
    """Decode a picture; return a note on each thing that readers of this number of channels and bits leave out.

    Raises:
        DataError: as ``read_levels``
    """
    picture = decoded(path)
    levels_of(path, picture, channels)
    notes = list(picture.notes)
    if not images.is_opaque(picture):
        notes.append("transparency is left out; fully transparent pixels get the colours around them")
    if channels == 1 and (picture.color != picture.color[..., :1]).any():
        notes.append("colours are converted to grey")
    if picture.depth > depth:
        notes.append(f"{picture.depth}-bit levels are rounded to {depth} bits")
    return tuple(notes)


def _prove_visible(path: Path, picture: images.Picture) -> None:
    if picture.alpha is not None and not picture.alpha.any():
        raise DataError(f"{shown(path)}: is fully transparent, so that it shows nothing to learn; remove it")


def decoded(path: Path, max_pixels: int = images.DEFAULT_MAX_PIXELS) -> images.Picture:
    """Decode a picture with its metadata.

    Raises:
        DataError: the picture cannot be read, or is CMYK.
    """
    try:
        picture = images.decode(path, max_pixels=max_pixels)
    except DecodeError as error:
        text = str(error)
        raise DataError(text if str(path) in text else f"{path}: {text}") from error
    if picture.space == "cmyk":
        raise DataError(f"{path}: is in cmyk; convert it to RGB first")
    return picture


class PixelStore:
    """A list of arrays, kept in memory up to a budget and beyond that in unnamed memory-mapped files."""

    def __init__(self, budget_mib: int) -> None:
        self._left = budget_mib << 20
        self._arrays: list[np.ndarray] = []

    def __getitem__(self, number: int) -> np.ndarray:
        return self._arrays[number]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def spilled(self) -> int:
        """The number of arrays in files."""
        return sum(isinstance(array, np.memmap) for array in self._arrays)

    def append(self, pixels: np.ndarray) -> None:
        """Store an array, which must not be changed afterwards."""
        self._left -= pixels.nbytes
        self._arrays.append(np.ascontiguousarray(pixels) if self._left >= 0 else _mapped(pixels))


def _mapped(pixels: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryFile(prefix="img2img-data-") as file:  # the mapping keeps the file alive
        mapped = np.memmap(file, pixels.dtype, "w+", shape=pixels.shape)
    mapped[...] = pixels
    return mapped
