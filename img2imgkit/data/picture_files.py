"""Reading the pictures of training folders, and keeping their pixels at hand."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from img2imgkit import images
from img2imgkit.data_kind import Contents
from img2imgkit.errors import DataError, DecodeError

MAX_LISTED = 20


def find_pictures(folders: Iterable[Path], problems: list[str]) -> list[Path]:
    """The picture files in folders and below, in an order that does not depend on the file system.

    Folders that are not there or hold no picture are added to ``problems``. Hidden files are left alone.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: no such folder")
            continue
        inside = sorted(path for path in folder.rglob("*") if _is_picture(path, folder))
        if not inside:
            problems.append(f"{folder}: holds no picture")
        found += inside
    return found


def list_pictures(folders: Iterable[Path]) -> list[Path]:
    """The same where a problem is an error.

    Raises:
        DataError: a folder is not there, or holds no picture.
    """
    problems: list[str] = []
    found = find_pictures(folders, problems)
    raise_problems(problems)
    return found


def contents_of(name: str, sizes: Sequence[tuple[int, int]], modes: Iterable[str]) -> Contents:
    """What the pictures of one folder are, from their sizes (width, height) and modes."""
    if not sizes:
        return Contents(name, 0)
    widths, heights = zip(*sizes, strict=True)
    smallest, largest = ((some(widths), some(heights)) for some in (min, max))
    return Contents(name, len(sizes), smallest, largest, dict(Counter(modes)))


def raise_problems(problems: Sequence[str]) -> None:
    """Raise one DataError for all problems, if there are any; a very long list is cut."""
    if problems:
        more = [f"... and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
        raise DataError("\n".join([*problems[:MAX_LISTED], *more]))


def read_levels(path: Path, channels: int) -> np.ndarray:
    """The pixels of a picture, upright, at its own depth and without its transparency.

    Grey is repeated for 3 channels; RGB becomes grey by the weights of BT.601 for 1.

    Shapes:
        (H, W, channels), uint8 or uint16
    Raises:
        DataError: it cannot be read, or is CMYK, whose colours would depend on a profile.
    """
    picture = decoded(path)
    return (images.to_rgb(picture) if channels == 3 else images.to_grey(picture)).color


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Pixels as grey or RGB. Shapes: (H, W, 1 or 3) uint8 or uint16 -> (H, W, channels)."""
    if pixels.shape[2] == channels:
        return pixels
    picture = images.Picture(pixels, space="grey" if pixels.shape[2] == 1 else "rgb")
    return (images.to_rgb(picture) if channels == 3 else images.to_grey(picture)).color


def read_rgb(path: Path, max_pixels: int = images.DEFAULT_MAX_PIXELS) -> np.ndarray:
    """The pixels of a picture without its transparency: grey is repeated, 16 bits are rounded to 8.

    Shapes:
        (H, W, 3) uint8
    Raises:
        DataError: it cannot be read, or is CMYK, whose colours would depend on a profile.
    """
    return images.with_depth(images.to_rgb(decoded(path, max_pixels)), 8).color


def decoded(path: Path, max_pixels: int = images.DEFAULT_MAX_PIXELS) -> images.Picture:
    """A picture with everything that its file says.

    Raises:
        DataError: it cannot be read, or is CMYK.
    """
    try:
        picture = images.decode(path, max_pixels=max_pixels)
    except DecodeError as error:
        text = str(error)
        raise DataError(text if str(path) in text else f"{path}: {text}") from error
    if picture.space == "cmyk":
        raise DataError(f"{path}: is in cmyk; convert it to RGB first")
    return picture


def _is_picture(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and images.is_image(path) and path.is_file()


class PixelStore:
    """Arrays that lie in memory up to a budget, and beyond it in memory-mapped files without a name."""

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
        """How many arrays lie in files."""
        return sum(isinstance(array, np.memmap) for array in self._arrays)

    def append(self, pixels: np.ndarray) -> None:
        """Keep an array; it must not change any more."""
        self._left -= pixels.nbytes
        self._arrays.append(np.ascontiguousarray(pixels) if self._left >= 0 else _mapped(pixels))


def _mapped(pixels: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryFile(prefix="img2img-data-") as file:  # the mapping keeps it until it is dropped itself
        mapped = np.memmap(file, pixels.dtype, "w+", shape=pixels.shape)
    mapped[...] = pixels
    return mapped
