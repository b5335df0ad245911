"""A folder of odd, broken and hostile files, and what must become of each.

``make_corpus(folder)`` writes about 130 of them. Pixels are random and made here, and files are written by other code
than the one under test: by Pillow, tifffile, imagecodecs, or byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        path: where it lies
        color, alpha, space: its exact pixels once decoded; color is None where it must fail
        reason: words that the error must contain, where it must fail
        note: words that a note must contain, where something could not be kept
        listed: whether a reader of the folder takes it for a picture at all
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
    """Write every file into ``folder``, and say what must become of each."""
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
    """Random levels over the full range of a type, (H, W, C)."""
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(seed).integers(0, top + 1, (height, width, channels), dtype=dtype)


def good(path: Path, pixels: np.ndarray, *, space: str = "", note: str = "") -> Case:
    """A case whose pixels have alpha as their last channel when there are 2, 4 (rgb) or 5 of them."""
    channels = pixels.shape[2]
    space = space or {1: "grey", 2: "grey", 3: "rgb", 4: "rgb", 5: "cmyk"}[channels]
    colours = {"grey": 1, "rgb": 3, "cmyk": 4}[space]
    alpha = pixels[..., colours:] if channels > colours else None
    return Case(path, pixels[..., :colours], alpha, space, note=note)
