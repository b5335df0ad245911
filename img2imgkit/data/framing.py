"""How a picture becomes a training image: resized, cropped, mirrored as in pix2pix and CycleGAN; colours jittered."""

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
from img2imgkit.config import Config
from img2imgkit.data_kind import OptionProblems, ReaderOptions
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry

Factors = tuple[float, float, float]
_LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
Item = TypeVar("Item")
Size = tuple[int, int]  # width and height, as pictures state them
_ROUNDING = 4  # sides of whole pictures are multiples of this at least, as in the official code


class Jitter(Config):
    """How far colours change: each factor is drawn evenly from 1 - value to 1 + value, as ColorJitter's of torchvision.

    Brightness multiplies levels; contrast moves them away from the picture's mean grey, saturation from each pixel's.
    """

    brightness: float = Field(default=0.2, ge=0, le=1, description="largest change of brightness")
    contrast: float = Field(default=0.2, ge=0, le=1, description="largest change of contrast")
    saturation: float = Field(default=0.2, ge=0, le=1, description="largest change of saturation")

    def factors(self, random: np.random.Generator) -> Factors:
        """One draw of brightness, contrast and saturation."""
        reach = np.asarray((self.brightness, self.contrast, self.saturation))
        brightness, contrast, saturation = 1 + reach * random.uniform(-1, 1, 3)
        return float(brightness), float(contrast), float(saturation)


def jittered(unit: np.ndarray, factors: Factors) -> np.ndarray:
    """A picture with other colours, clipped after each change.

    Shapes:
        unit: (H, W, 1 or 3) float32 in [-1, 1] -> the same
    """
    brightness, contrast, saturation = map(np.float32, factors)
    levels = np.clip((unit + 1) / 2 * brightness, 0, 1)
    levels = np.clip((levels - (mean := _grey(levels).mean())) * contrast + mean, 0, 1)
    if unit.shape[2] == 3:
        grey = _grey(levels)
        levels = np.clip((levels - grey) * saturation + grey, 0, 1)
    return (levels * 2 - 1).astype(np.float32)


def _grey(levels: np.ndarray) -> np.ndarray:
    return levels if levels.shape[2] == 1 else (levels @ _LUMA)[..., None]


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
        found = scale_problems(self.kind, geometry)
        if "crop" not in self.preprocess:
            return found
        if problem := side_problem(self.crop, geometry):
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


def scale_problems(kind: str, geometry: Geometry) -> OptionProblems:
    """What is wrong with a kind whose pictures keep their size, for a task that changes it."""
    message = f"{kind} data have one size before and after, but this task enlarges {geometry.scale} times"
    return [("kind", message)] if geometry.scale != 1 else []


def side_problem(size: int, geometry: Geometry) -> str | None:
    """What is wrong with a side of pictures or crops that a task writes, if anything is."""
    unit = geometry.scale * geometry.multiple
    if size % unit:
        return f"expected a multiple of {unit} for this task, got {size}"
    if size < geometry.minimum * geometry.scale:
        return f"expected at least {geometry.minimum * geometry.scale} for this task, got {size}"
    return None
