"""Reference sets of super-resolution: sharp pictures, and the small ones that published results start from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from img2imgkit.errors import DataError, DecodeError
from img2imgkit.images import Picture, decode, is_image
from img2imgkit.images.matlab import imresize


@dataclass(frozen=True)
class Sample:
    """One sharp picture, and its small version.

    Attributes:
        name: the sharp picture's file name without its suffix
        sharp: the sharp picture's file
        given: the small picture's file; None where it is made by shrinking the sharp one
        scale: how many times as high and wide the sharp picture is
    """

    name: str
    sharp: Path
    given: Path | None
    scale: int

    @cached_property
    def reference(self) -> np.ndarray:
        """What a result is compared with: the sharp picture, cut at right and below to whole multiples of the scale.

        Shapes:
            -> (H, W, 1) for a grey file, else (H, W, 3); [0, 255], uint8, or float64 where the file has 16 bits
        """
        levels = levels_of(read(self.sharp))
        height, width = (side - side % self.scale for side in levels.shape[:2])
        if not height or not width:
            raise DataError(f"{self.sharp}: smaller than the scale {self.scale}")
        return levels[:height, :width]

    @cached_property
    def small(self) -> Picture:
        """The small picture, 8 bits: the given one, or MATLAB's bicubic shrinking of the sharp one."""
        height, width = (side // self.scale for side in self.reference.shape[:2])
        if self.given is None:
            whole = np.floor(self.reference + 0.5).astype(np.uint8)
            space = "grey" if whole.shape[2] == 1 else "rgb"
            return Picture(imresize(whole, Fraction(1, self.scale)), None, space)  # type: ignore[arg-type]
        picture = read(self.given)
        if (picture.height, picture.width) != (height, width):
            raise DataError(
                f"{self.given}: {picture.width}x{picture.height} pixels, but {self.sharp.name}"
                f" needs {width}x{height} at scale {self.scale}"
            )
        return picture


@dataclass(frozen=True)
class ReferenceSet:
    """A folder of sharp pictures, with or without published small ones."""

    name: str
    scale: int
    samples: tuple[Sample, ...]
    inputs: str  # where the small pictures come from


def find_set(folder: Path, scale: int) -> ReferenceSet:
    """The reference set in a folder: ``HR/NAME.png`` and ``LR_bicubic/X2/NAMEx2.png``, or sharp pictures alone.

    Raises:
        DataError: there is no picture, or a small one is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    sharp = folder / "HR" if (folder / "HR").is_dir() else folder
    paths = sorted(p for p in sharp.iterdir() if p.is_file() and is_image(p) and not p.name.startswith("."))
    if not paths:
        raise DataError(f"{sharp}: holds no picture")
    small = folder / "LR_bicubic" / f"X{scale}"
    if not small.is_dir():
        samples = tuple(Sample(path.stem, path, None, scale) for path in paths)
        return ReferenceSet(folder.absolute().name, scale, samples, "made by MATLAB's bicubic imresize")
    samples = tuple(Sample(path.stem, path, _partner(path, small, scale), scale) for path in paths)
    return ReferenceSet(folder.absolute().name, scale, samples, f"LR_bicubic/X{scale}")


def levels_of(picture: Picture) -> np.ndarray:
    """The colour of a picture on the scale of 8 bits; its transparency does not count.

    Shapes:
        -> (H, W, 1) for grey, else (H, W, 3); [0, 255], uint8, or float64 for 16 bits
    """
    if picture.space == "cmyk":
        raise DataError("a CMYK picture has no luma to compare; convert it to RGB first")
    return picture.color if picture.depth == 8 else picture.color / 257


def _partner(path: Path, small: Path, scale: int) -> Path:
    for name in (f"{path.stem}x{scale}", path.stem):
        for candidate in sorted(small.glob(f"{name}.*")):
            if is_image(candidate):
                return candidate
    raise DataError(f"{small}: has no {path.stem}x{scale}{path.suffix}, which {path.name} needs")


def read(path: Path) -> Picture:
    """A picture of a set. Raises DataError: it cannot be decoded."""
    try:
        return decode(path)
    except DecodeError as error:
        raise DataError(str(error)) from error
