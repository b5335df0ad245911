"""A folder of odd, broken and hostile files, with the expected outcome of each.

``make_corpus(folder)`` writes about 130 files. Pixels are random; files are not written by the code under test, but by
Pillow, tifffile, imagecodecs, or byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Case:
    """A file and its expected outcome.

    Attributes:
        path: the file
        color, alpha, space: its exact decoded pixels; color is None if decoding must fail
        reason: text that the error must contain, if decoding must fail
        note: text that a note must contain, if something cannot be kept
        listed: whether a reader of the folder lists it as a picture
    """

    path: Path
    color: np.ndarray | None = None
    alpha: np.ndarray | None = None
    space: str = "rgb"
    reason: str = ""
    note: str = ""
    listed: bool = True

    @property
    def good(self) -> bool:
        """Whether it must be decoded."""
        return self.color is not None

    def __str__(self) -> str:
        return self.path.name.encode("ascii", "backslashreplace").decode()


def make_corpus(folder: Path) -> list[Case]:
    """Write every file into ``folder`` and return the cases."""
    import corpus_broken
    import corpus_files
    import corpus_names
    import corpus_png
    import corpus_tiff

    folder.mkdir(parents=True, exist_ok=True)
    cases: list[Case] = []
    for module in (corpus_png, corpus_tiff, corpus_files, corpus_names, corpus_broken):
        cases += module.files(folder)
    assert len({case.path for case in cases}) == len(cases)
    return cases


def noise(seed: int, height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    """Return random levels over the full range of a type, (H, W, C)."""
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(seed).integers(0, top + 1, (height, width, channels), dtype=dtype)


def good(path: Path, pixels: np.ndarray, *, space: str = "", note: str = "") -> Case:
    """Return a case that must be decoded; the last of 2, 4 (rgb) or 5 channels is alpha."""
    channels = pixels.shape[2]
    space = space or {1: "grey", 2: "grey", 3: "rgb", 4: "rgb", 5: "cmyk"}[channels]
    colours = {"grey": 1, "rgb": 3, "cmyk": 4}[space]
    alpha = pixels[..., colours:] if channels > colours else None
    return Case(path, pixels[..., :colours], alpha, space, note=note)
