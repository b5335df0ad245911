"""Reference sets for super-resolution: high-resolution pictures, and the low-resolution inputs of published results."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from img2imgkit.data.picture_files import no_picture_in, pictures_in, unread_in
from img2imgkit.errors import DataError, DecodeError
from img2imgkit.images import Picture, decode, is_picture
from img2imgkit.images.matlab import imresize


@dataclass(frozen=True)
class Sample:
    """A high-resolution picture and its low-resolution version.

    Attributes:
        name: the file name of the high-resolution picture, without suffix
        hr_file: the high-resolution picture's file
        lr_file: the low-resolution picture's file; None if it is downsampled from the high-resolution one
        scale: the ratio of their heights and widths
    """

    name: str
    hr_file: Path
    lr_file: Path | None
    scale: int

    @cached_property
    def reference(self) -> np.ndarray:
        """The ground truth: the high-resolution picture, cropped at right and bottom to multiples of the scale.

        Shapes:
            -> (H, W, 1) for a grey file, else (H, W, 3); [0, 255], uint8, or float64 if the file has 16 bits
        """
        levels = levels_of(read(self.hr_file))
        height, width = (side - side % self.scale for side in levels.shape[:2])
        if not height or not width:
            raise DataError(f"{self.hr_file}: smaller than the scale {self.scale}")
        return levels[:height, :width]

    @cached_property
    def lr(self) -> Picture:
        """The low-resolution picture, 8 bits: from its file, or by MATLAB's bicubic downsampling."""
        height, width = (side // self.scale for side in self.reference.shape[:2])
        if self.lr_file is None:
            whole = np.floor(self.reference + 0.5).astype(np.uint8)
            space = "grey" if whole.shape[2] == 1 else "rgb"
            return Picture(imresize(whole, Fraction(1, self.scale)), None, space)  # type: ignore[arg-type]
        picture = read(self.lr_file)
        if (picture.height, picture.width) != (height, width):
            raise DataError(
                f"{self.lr_file}: {picture.width}x{picture.height} pixels, but {self.hr_file.name}"
                f" needs {width}x{height} at scale {self.scale}"
            )
        return picture


@dataclass(frozen=True)
class ReferenceSet:
    """A folder of high-resolution pictures, with or without published low-resolution ones.

    Attributes:
        inputs: the origin of the low-resolution pictures
        unread: how many other files are beside the high-resolution ones, by suffix, see ``unread_in``
    """

    name: str
    scale: int
    samples: tuple[Sample, ...]
    inputs: str
    unread: str = ""


def find_set(folder: Path, scale: int) -> ReferenceSet:
    """Find the reference set in a folder: ``HR/NAME.png`` and ``LR_bicubic/X2/NAMEx2.png``, or only HR pictures.

    Raises:
        DataError: there is no picture, or a low-resolution one is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    sharp = folder / "HR" if (folder / "HR").is_dir() else folder
    paths, unread = pictures_in(sharp, recursive=False), unread_in(sharp, recursive=False)
    if not paths:
        raise DataError(no_picture_in(sharp))
    small = folder / "LR_bicubic" / f"X{scale}"
    if not small.is_dir():
        samples = tuple(Sample(path.stem, path, None, scale) for path in paths)
        return ReferenceSet(folder.absolute().name, scale, samples, "made by MATLAB's bicubic imresize", unread)
    samples = tuple(Sample(path.stem, path, _partner(path, small, scale), scale) for path in paths)
    return ReferenceSet(folder.absolute().name, scale, samples, f"LR_bicubic/X{scale}", unread)


def levels_of(picture: Picture) -> np.ndarray:
    """The colour of a picture on the 8-bit scale, without transparency.

    Shapes:
        -> (H, W, 1) for grey, else (H, W, 3); [0, 255], uint8, or float64 for 16 bits
    """
    if picture.space == "cmyk":
        raise DataError("CMYK pictures cannot be scored; convert them to RGB first")
    return picture.color if picture.depth == 8 else picture.color / 257


def _partner(path: Path, small: Path, scale: int) -> Path:
    for name in (f"{path.stem}x{scale}", path.stem):
        for candidate in sorted(small.glob(f"{name}.*")):
            if is_picture(candidate):
                return candidate
    raise DataError(f"{small}: has no {path.stem}x{scale}{path.suffix}, which {path.name} needs")


def read(path: Path) -> Picture:
    """Decode a picture. Raises DataError if it cannot be decoded."""
    try:
        return decode(path)
    except DecodeError as error:
        raise DataError(str(error)) from error
