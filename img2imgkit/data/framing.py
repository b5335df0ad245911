"""Resizing, cropping and flipping as in pix2pix and CycleGAN, and colour jitter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from PIL import Image
from pydantic import Field

from img2imgkit import images
from img2imgkit.config import Config
from img2imgkit.data_kind import OptionProblems, ReaderOptions
from img2imgkit.images import to_unit
from img2imgkit.images.conversions import LUMA
from img2imgkit.task import Geometry

Factors = tuple[float, float, float]
_LUMA = np.asarray(LUMA, np.float32) / np.float32(1000)
Side = Annotated[int, Field(ge=1)]
Preprocess = Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]
Item = TypeVar("Item")
Size = tuple[int, int]  # width and height, as pictures state them
_ROUNDING = 4  # uncropped sides are at least multiples of this, as in the official code


class Jitter(Config):
    """Colour jitter: each factor is uniform in [1 - value, 1 + value], as in torchvision's ColorJitter.

    Brightness scales levels; contrast scales their distance from the picture's mean grey, saturation from the pixel's
    grey.
    """

    brightness: float = Field(default=0.2, ge=0, le=1, description="maximum change of brightness")
    contrast: float = Field(default=0.2, ge=0, le=1, description="maximum change of contrast")
    saturation: float = Field(default=0.2, ge=0, le=1, description="maximum change of saturation")

    def factors(self, random: np.random.Generator) -> Factors:
        """Draw factors of brightness, contrast and saturation."""
        reach = np.asarray((self.brightness, self.contrast, self.saturation))
        brightness, contrast, saturation = 1 + reach * random.uniform(-1, 1, 3)
        return float(brightness), float(contrast), float(saturation)


def jittered(unit: np.ndarray, factors: Factors) -> np.ndarray:
    """Apply brightness, contrast and saturation, clipping after each.

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
    """Options of data kinds that resize, crop and flip their pictures."""

    preprocess: Preprocess = Field(
        default="resize_and_crop",
        description="resize both sides, or scale to a width, then crop; 'none' only rounds the sides",
    )
    resize: int = Field(default=286, ge=1, description="side or width of pictures before the crop")
    crop: Side | tuple[Side, Side] = Field(
        default=256, description="side of a square crop, or [height, width]; multiples of what the task requires"
    )
    flip: bool = Field(default=True, description="flip horizontally at random")
    jitter: Jitter | None = Field(default=None, description="random colour jitter; null: none")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = scale_problems(self.kind, geometry)
        if "crop" not in self.preprocess:
            return found
        crop = sides(self.crop)
        found += [("crop", problem) for side in dict.fromkeys(crop) if (problem := side_problem(side, geometry))]
        resized = {"resize_and_crop": max(crop), "scale_width_and_crop": crop[1]}.get(self.preprocess, 0)
        if resized > self.resize:
            found.append(("crop", f"{resized} is larger than 'resize' ({self.resize})"))
        return found


@dataclass(frozen=True)
class Window:
    """A crop of a picture, flipped or not."""

    left: int
    top: int
    width: int
    height: int
    mirrored: bool = False

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Crop pixels. Shapes: (H, W, C) -> (height, width, C)."""
        crop = pixels[self.top : self.top + self.height, self.left : self.left + self.width]
        return crop[:, ::-1] if self.mirrored else crop


@dataclass(frozen=True)
class Framing:
    """How a reader resizes and crops.

    Attributes:
        crop: height and width of a crop
        multiple: the sides of results must be multiples of this
        minimum: the smallest side of results
    """

    preprocess: Preprocess
    resize: int
    crop: tuple[int, int]
    flip: bool
    multiple: int = 1
    minimum: int = 1

    @classmethod
    def of(cls, options: FramedOptions, geometry: Geometry) -> Framing:
        """Create the framing from options, for a task with the given geometry."""
        chosen = (options.preprocess, options.resize, sides(options.crop), options.flip)
        return cls(*chosen, geometry.multiple, geometry.minimum)

    def resized(self, size: Size) -> Size:
        """Return the size to which a picture of ``size`` is resized before the crop."""
        width, height = size
        if self.preprocess == "resize_and_crop":
            return self.resize, self.resize
        if self.preprocess == "crop":
            return size
        if self.preprocess == "none":
            unit = math.lcm(_ROUNDING, self.multiple)
            return round(width / unit) * unit, round(height / unit) * unit
        if width == self.resize and height >= self.crop[0]:
            return size
        return self.resize, int(max(self.resize * height / width, self.crop[0]))

    def framed(self, size: Size) -> Size:
        """Return the final size of a picture of ``size``."""
        return self._window_size(*self.resized(size))

    def problem(self, size: Size) -> str | None:
        """Return why a picture of ``size`` cannot be used; None if it can."""
        stated = f"{size[0]}x{size[1]}"
        if "crop" in self.preprocess:
            (width, height), (crop_height, crop_width) = self.resized(size), self.crop
            crop = f"{crop_width}x{crop_height}" if crop_width != crop_height else crop_width
            small = width < crop_width or height < crop_height
            return f"{stated} is smaller than the crop of {crop}" if small else None
        width, height = self.framed(size)
        if min(width, height) < self.minimum:
            return f"{stated} is resized to {width}x{height}, but this task needs at least {self.minimum} pixels"
        if width % self.multiple or height % self.multiple:
            return f"{stated} is resized to {width}x{height}, but this task needs multiples of {self.multiple}"
        return None

    def fitting(self, found: Iterable[tuple[str, Path, Size, Item]], batch: int, problems: list[str]) -> list[Item]:
        """Return the items whose pictures have usable sizes; the others are added to ``problems``."""
        fit, sizes = [], {}
        for name, path, size, item in found:
            if problem := self.problem(size):
                problems.append(f"{path}: {problem}")
                continue
            fit.append(item)
            sizes[name] = self.framed(size)
        problems += mixed_sizes(sizes, batch)
        return fit

    def window(self, random: np.random.Generator, pixels: np.ndarray) -> Window:
        """Draw a random crop and flip of resized pixels. Shapes: (H, W, C)."""
        height, width = pixels.shape[:2]
        across, down = self._window_size(width, height)
        left, top = (int(random.integers(0, most + 1)) for most in (width - across, height - down))
        return Window(left, top, across, down, self.flip and random.random() < 0.5)

    def sized(self, pixels: np.ndarray) -> np.ndarray:
        """Resize a picture to the size that crops are taken from. Shapes: (H, W, C) uint8 or uint16."""
        return resized_to(pixels, self.resized((pixels.shape[1], pixels.shape[0])))

    def middle_of(self, pixels: np.ndarray) -> np.ndarray:
        """Resize and centre-crop a picture for the probe. Shapes: (H, W, C) -> (1, h, w, C) in [-1, 1]."""
        sized = self.sized(pixels)
        return to_unit(self.middle(sized).of(sized))[None]

    def middle(self, sized: np.ndarray) -> Window:
        """Return the centre crop of resized pixels. Shapes: (H, W, C)."""
        height, width = sized.shape[:2]
        across, down = self._window_size(width, height)
        return Window((width - across) // 2, (height - down) // 2, across, down)

    def _window_size(self, width: int, height: int) -> Size:
        return self.crop[::-1] if "crop" in self.preprocess else (width, height)


def sides(crop: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of a crop that is stated as one side or both."""
    return (crop, crop) if isinstance(crop, int) else crop


def mixed_sizes(named: dict[str, Size], batch: int) -> list[str]:
    """Return a problem if a batch would contain pictures of several sizes."""
    sizes = {size: name for name, size in named.items()}
    if batch == 1 or len(sizes) < 2:
        return []
    examples = ", ".join(f"{name} {width}x{height}" for (width, height), name in list(sizes.items())[:2])
    return [
        f"data.batch: pictures have {len(sizes)} sizes after preprocessing ({examples}); set batch to 1, or "
        "choose a preprocess with crop"
    ]


def resized_to(pixels: np.ndarray, size: Size, method: Literal["bicubic", "bilinear"] = "bicubic") -> np.ndarray:
    """Resize pixels at their own bit depth. 8-bit results equal those of Pillow, which the official code uses.

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
    """Return a problem of a data kind without change of scale if the task upscales."""
    message = f"sources and targets of {kind} data have the same scale, but this task upscales {geometry.scale} times"
    return [("kind", message)] if geometry.scale != 1 else []


def side_problem(size: int, geometry: Geometry) -> str | None:
    """Return why a side of the task's output, such as a crop's, does not fit the task; None if it fits."""
    unit = geometry.scale * geometry.multiple
    if size % unit:
        return f"expected a multiple of {unit} for this task, got {size}"
    if size < geometry.minimum * geometry.scale:
        return f"expected at least {geometry.minimum * geometry.scale} for this task, got {size}"
    return None
