"""How a picture becomes one of training's size: resized, cropped, mirrored, the rules those of pix2pix and CycleGAN."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from PIL import Image
from pydantic import Field

from img2imgkit import images
from img2imgkit.data.jitter import Jitter
from img2imgkit.data.option_problems import enlarges, not_a_multiple
from img2imgkit.data_kind import OptionProblems, ReaderOptions
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry

Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
Item = TypeVar("Item")
Size = tuple[int, int]  # width and height, as pictures state them
_ROUNDING = 4  # sides of whole pictures are multiples of this at least, as in the official code


class FramedOptions(ReaderOptions):
    """Pictures that are resized, cropped and mirrored alike."""

    preprocess: Preprocess = Field(
        default="resize_and_crop",
        description="resize both sides, or scale the width and keep proportions, and crop; 'none' rounds sides only",
    )
    resize: int = Field(default=286, ge=1, description="side, or width, that pictures are resized to before a crop")
    crop: int = Field(default=256, ge=1, description="height and width of a crop, a multiple of what the task needs")
    flip: bool = Field(default=True, description="mirror left and right at random")
    jitter: Jitter | None = Field(default=None, description="change colours at random; null: not at all")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = enlarges(self.kind, geometry)
        if "crop" not in self.preprocess:
            return found
        if problem := not_a_multiple(self.crop, geometry):
            found.append(("crop", problem))
        if self.preprocess != "crop" and self.crop > self.resize:
            found.append(("crop", f"{self.crop} is more than the {self.resize} that pictures are resized to"))
        return found


@dataclass(frozen=True)
class Window:
    """A part of a picture, mirrored or not."""

    left: int
    top: int
    width: int
    height: int
    mirrored: bool = False

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """That part. Shapes: (H, W, C) -> (height, width, C)."""
        part = pixels[self.top : self.top + self.height, self.left : self.left + self.width]
        return part[:, ::-1] if self.mirrored else part


@dataclass(frozen=True)
class Framing:
    """The sizes and crops of one reader.

    Attributes:
        multiple: sides of what comes out must be multiples of this
        minimum: and at least this
    """

    preprocess: Preprocess
    resize: int
    crop: int
    flip: bool
    multiple: int = 1
    minimum: int = 1

    @classmethod
    def of(cls, options: FramedOptions, geometry: Geometry) -> Framing:
        """The framing that options ask for, for a task of that geometry."""
        chosen = (options.preprocess, options.resize, options.crop, options.flip)
        return cls(*chosen, geometry.multiple, geometry.minimum)

    def resized(self, size: Size) -> Size:
        """The size that a picture of ``size`` has before it is cropped."""
        width, height = size
        if self.preprocess == "resize_and_crop":
            return self.resize, self.resize
        if self.preprocess == "crop":
            return size
        if self.preprocess == "none":
            unit = math.lcm(_ROUNDING, self.multiple)
            return round(width / unit) * unit, round(height / unit) * unit
        if width == self.resize and height >= self.crop:
            return size
        return self.resize, int(max(self.resize * height / width, self.crop))

    def framed(self, size: Size) -> Size:
        """The size that comes out of a picture of ``size``."""
        return (self.crop, self.crop) if "crop" in self.preprocess else self.resized(size)

    def problem(self, size: Size) -> str | None:
        """Why a picture of ``size`` cannot be used, if it cannot."""
        stated = f"{size[0]}x{size[1]}"
        if "crop" in self.preprocess:
            return f"{stated} is smaller than a crop of {self.crop}" if min(self.resized(size)) < self.crop else None
        width, height = self.framed(size)
        if min(width, height) < self.minimum:
            return f"{stated} becomes {width}x{height}, and this task needs {self.minimum} at least"
        if width % self.multiple or height % self.multiple:
            return f"{stated} becomes {width}x{height}, and this task needs multiples of {self.multiple}"
        return None

    def fitting(self, found: Iterable[tuple[str, Path, Size, Item]], batch: int, problems: list[str]) -> list[Item]:
        """The items, each with its name, picture and size, whose sizes can be used in batches; others are problems."""
        fit, sizes = [], {}
        for name, path, size, item in found:
            if problem := self.problem(size):
                problems.append(f"{path}: {problem}")
                continue
            fit.append(item)
            sizes[name] = self.framed(size)
        problems += uneven(sizes, batch)
        return fit

    def window(self, random: np.random.Generator, pixels: np.ndarray) -> Window:
        """A crop at random, mirrored at random, of resized pixels. Shapes: (H, W, C)."""
        height, width = pixels.shape[:2]
        across, down = self._part(width, height)
        left, top = (int(random.integers(0, most + 1)) for most in (width - across, height - down))
        return Window(left, top, across, down, self.flip and random.random() < 0.5)

    def sized(self, pixels: np.ndarray) -> np.ndarray:
        """A picture as it is cropped from: resized. Shapes: (H, W, C) uint8 or uint16."""
        return resized_to(pixels, self.resized((pixels.shape[1], pixels.shape[0])))

    def middle_of(self, pixels: np.ndarray) -> np.ndarray:
        """A picture to look at: resized, and cropped in the middle. Shapes: (H, W, C) -> (1, h, w, C) in [-1, 1]."""
        sized = self.sized(pixels)
        return to_unit(self.middle(sized).of(sized))[None]

    def middle(self, sized: np.ndarray) -> Window:
        """The crop in the middle of resized pixels. Shapes: (H, W, C)."""
        height, width = sized.shape[:2]
        across, down = self._part(width, height)
        return Window((width - across) // 2, (height - down) // 2, across, down)

    def _part(self, width: int, height: int) -> Size:
        return (self.crop, self.crop) if "crop" in self.preprocess else (width, height)


def uneven(named: dict[str, Size], batch: int) -> list[str]:
    """A problem where pictures of several sizes would have to stand in one batch."""
    sizes = {size: name for name, size in named.items()}
    if batch == 1 or len(sizes) < 2:
        return []
    some = ", ".join(f"{name} {width}x{height}" for (width, height), name in list(sizes.items())[:2])
    return [f"data.batch: pictures come out in {len(sizes)} sizes ({some}); set batch to 1, or preprocess with a crop"]


def resized_to(pixels: np.ndarray, size: Size, method: Literal["bicubic", "bilinear"] = "bicubic") -> np.ndarray:
    """Pixels of another size, at their own depth; 8 bits exactly as Pillow does it, which the official code uses.

    Shapes:
        pixels: (H, W, C) uint8 or uint16 -> (height, width, C)
    """
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    if pixels.dtype == np.uint16:
        picture = images.Picture(pixels, space="grey" if pixels.shape[2] == 1 else "rgb")
        return images.resize(picture, *size, method).color
    chosen = Image.Resampling.BICUBIC if method == "bicubic" else Image.Resampling.BILINEAR
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    return np.asarray(image.resize(size, chosen)).reshape(size[1], size[0], -1)
