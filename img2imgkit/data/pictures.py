"""Reading the pictures of training folders, and keeping their pixels at hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from img2imgkit.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
MAX_LISTED = 20


def listed(folders: Iterable[Path]) -> list[Path]:
    """The picture files in folders and below, in an order that does not depend on the file system.

    Raises:
        DataError: a folder is not there, or holds no picture.
    """
    found: list[Path] = []
    problems = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: no such folder")
            continue
        inside = sorted(path for path in folder.rglob("*") if _is_picture(path, folder))
        if not inside:
            problems.append(f"{folder}: holds no picture ({', '.join(sorted(SUFFIXES))})")
        found += inside
    refuse(problems)
    return found


def refuse(problems: list[str]) -> None:
    """Raise one DataError for all problems, if there are any; a very long list is cut."""
    if problems:
        more = [f"... and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
        raise DataError("\n".join(problems[:MAX_LISTED] + more))


def read_rgb(path: Path) -> np.ndarray:
    """The pixels of a picture without its transparency: grey is repeated, 16 bits are rounded to 8.

    Shapes:
        (H, W, 3) uint8
    Raises:
        DataError: it cannot be read, or is CMYK.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: cannot read it: {error}") from error


def _is_picture(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file()


class PixelStore:
    """Arrays that lie in memory up to a budget, and beyond it in memory-mapped scratch files."""

    def __init__(self, budget_mib: int) -> None:
        self._left = budget_mib << 20
        self._arrays: list[np.ndarray] = []
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __getitem__(self, number: int) -> np.ndarray:
        return self._arrays[number]

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def spilled(self) -> bool:
        """Whether anything lies in scratch files."""
        return self._scratch is not None

    def append(self, pixels: np.ndarray) -> None:
        """Keep an array; it must not change any more."""
        self._left -= pixels.nbytes
        self._arrays.append(np.ascontiguousarray(pixels) if self._left >= 0 else self._mapped(pixels))

    def _mapped(self, pixels: np.ndarray) -> np.ndarray:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="img2img-data-")
        path = Path(self._scratch.name) / f"{len(self._arrays)}.npy"
        np.save(path, pixels)
        mapped: np.ndarray = np.load(path, mmap_mode="r")
        return mapped
