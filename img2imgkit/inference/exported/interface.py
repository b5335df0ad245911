"""How pictures go into an exported model, and how they come out of it: their numbers, axes and channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from PIL import Image

from img2imgkit.errors import TranslateError
from img2imgkit.inference.engines.engine import Arrays
from img2imgkit.task import Geometry

Values = Literal["signed", "unit", "levels"]
Layout = Literal["nhwc", "nchw"]
Channels = Literal["rgb", "bgr", "grey", "y"]
BT601 = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: weights of R, G and B in luma


@dataclass(frozen=True)
class Interface:
    """The inputs and the output of a translation.

    Attributes:
        geometry: how it maps sizes, as a Translator sees it
        image, output: names of the input and the output that are pictures, or ids of a label map
        values: what pictures in floats are: in [-1, 1] ("signed"), in [0, 1] ("unit"), or 0 to 255 ("levels"), which
            whole numbers are always
        layout: the order of their axes
        channels: what theirs are; "y" goes in and comes out as luma, and colour is enlarged by bicubic interpolation
        dtype: of pictures
        conditions: names of further inputs, and the type of each
        size: height and width, where they are fixed
        batch: how many pictures at once, where that is fixed
    """

    geometry: Geometry
    image: str = "image"
    output: str = "output"
    values: Values = "signed"
    layout: Layout = "nhwc"
    channels: Channels = "rgb"
    dtype: str = "float32"
    conditions: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    batch: int | None = None

    def feeds(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """What a Translator gives, as the model takes it; what it does not take is left out.

        Shapes:
            see ``Engine.__call__``
        Raises:
            TranslateError: something that it takes is not there.
        """
        found = {self.image: self._picture(inputs["source"])}
        for name, dtype in self.conditions.items():
            if name not in inputs:
                raise TranslateError(f"the model takes {name!r}, which nothing was given for")
            found[name] = np.ascontiguousarray(inputs[name], dtype)
        return found

    def image_of(self, made: np.ndarray, source: np.ndarray) -> np.ndarray:
        """What comes out, as a Translator takes it.

        Shapes:
            made: as the model gives it; source: what went in, (N, H, W, C) in [-1, 1]
                -> (N, scale * H, scale * W, written), float32
        Raises:
            TranslateError: it has another size or other channels than were described.
        """
        image = made.transpose(0, 2, 3, 1) if self.layout == "nchw" and made.ndim == 4 else made
        count, height, width = source.shape[:3]
        scale, written = self.geometry.scale, 1 if self.channels == "y" else self.geometry.written
        expected = count, scale * height, scale * width, written
        if image.shape != expected:
            given = f"the model gave {_axes(image.shape)} for {_axes(source.shape)}"
            raise TranslateError(f"{given}, not {_axes(expected)} as is said of it")
        image = self._signed(image)
        if self.channels == "y":
            return _with_luma(enlarged(source, scale), image)
        return image[..., ::-1] if self.channels == "bgr" and written == 3 else image

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """A picture for an encoder. Shapes: (N, H, W, C) in [-1, 1] -> as the model takes pictures."""
        image = self._numbers(image)
        return np.ascontiguousarray(image.transpose(0, 3, 1, 2) if self.layout == "nchw" else image, self.dtype)

    def _picture(self, source: np.ndarray) -> np.ndarray:
        if self.geometry.ids:
            return np.ascontiguousarray(source)
        if self.channels == "y":
            source = (source @ BT601)[..., None]
        return self.pixels(source[..., ::-1] if self.channels == "bgr" else source)

    def _numbers(self, image: np.ndarray) -> np.ndarray:
        whole = np.issubdtype(np.dtype(self.dtype), np.integer)
        if self.values == "signed" and not whole:
            return image
        if self.values == "unit" and not whole:
            return (image + np.float32(1)) / np.float32(2)
        levels = (image + np.float32(1)) * np.float32(127.5)
        return np.floor(levels.clip(0, 255) + np.float32(0.5)) if whole else levels

    def _signed(self, made: np.ndarray) -> np.ndarray:
        whole, image = np.issubdtype(made.dtype, np.integer), made.astype(np.float32)
        if self.values == "signed" and not whole:
            return image
        return image * np.float32(2 if self.values == "unit" and not whole else 2 / 255) - np.float32(1)


def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """Bicubic interpolation, channel by channel. Shapes: (N, H, W, C) -> (N, scale * H, scale * W, C), float32."""
    if scale == 1:
        return image
    count, height, width, channels = image.shape
    large = np.empty((count, scale * height, scale * width, channels), np.float32)
    for number in range(count):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(image[number, ..., channel], np.float32))
            large[number, ..., channel] = plane.resize((scale * width, scale * height), Image.Resampling.BICUBIC)
    return large


def _with_luma(image: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """The image with that luma, and its own differences of colour."""
    return np.asarray(image + (luma - (image @ BT601)[..., None]), np.float32)


def _axes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
