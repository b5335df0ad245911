"""The representation of pictures in an exported model's inputs and outputs: value range, axis order and channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from PIL import Image

from img2imgkit.engine import Arrays
from img2imgkit.errors import TranslateError
from img2imgkit.task import Geometry

Values = Literal["signed", "unit", "levels"]
Layout = Literal["nhwc", "nchw"]
Channels = Literal["rgb", "bgr", "grey", "y"]
BT601 = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: weights of R, G and B in luma


@dataclass(frozen=True)
class Interface:
    """The inputs and the output of a translation.

    Attributes:
        geometry: geometry of the translation for a Translator
        image, output: names of the picture's (or label map's) input and of the output
        values: range of pictures in floats: [-1, 1] ("signed"), [0, 1] ("unit"), or 0 to 255 ("levels"); integers are
            always levels
        layout: axis order of pictures
        channels: channels of pictures; for "y" the model processes luma, and chroma is upsampled by bicubic
            interpolation
        dtype: type of pictures
        conditions: names and types of the other inputs; None: all that a task computes, in float32
        size: height and width if fixed
        batch: batch size if fixed
    """

    geometry: Geometry
    image: str = "image"
    output: str = "output"
    values: Values = "signed"
    layout: Layout = "nhwc"
    channels: Channels = "rgb"
    dtype: str = "float32"
    conditions: Mapping[str, str] | None = field(default_factory=dict)
    size: tuple[int, int] | None = None
    batch: int | None = None

    def feeds(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Convert a Translator's arrays to the model's inputs; arrays that the model does not read are dropped.

        Shapes:
            see ``Runner.__call__``
        Raises:
            TranslateError: an input is missing.
        """
        found = {self.image: self._picture(inputs["source"])}
        conditions = self.conditions
        if conditions is None:
            conditions = {name: "float32" for name in inputs if name != "source"}
        for name, dtype in conditions.items():
            if name not in inputs:
                raise TranslateError(f"the model needs the input {name!r}, which is missing")
            found[name] = np.ascontiguousarray(inputs[name], dtype)
        return found

    def image_of(self, made: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Convert the model's output to what a Translator expects.

        Shapes:
            made: the model's output; source: the input, (N, H, W, C) in [-1, 1]
                -> (N, scale * H, scale * W, written), float32
        Raises:
            TranslateError: size or channels differ from the description.
        """
        image = made.transpose(0, 2, 3, 1) if self.layout == "nchw" and made.ndim == 4 else made
        count, height, width = source.shape[:3]
        scale, written = self.geometry.scale, 1 if self.channels == "y" else self.geometry.written
        expected = count, scale * height, scale * width, written
        if image.shape != expected:
            given = f"the model returned {_axes(image.shape)} for {_axes(source.shape)}"
            raise TranslateError(f"{given}, not {_axes(expected)} as described")
        image = self._signed(image)
        if self.channels == "y":
            return _with_luma(enlarged(source, scale), image)
        return image[..., ::-1] if self.channels == "bgr" and written == 3 else image

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Convert images to the model's representation. Shapes: (N, H, W, C) in [-1, 1] -> in the model's layout."""
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
        whole, image = np.issubdtype(made.dtype, np.integer), made.astype(np.float32, copy=False)
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
    """The image with its luma replaced and its chroma kept."""
    return np.asarray(image + (luma - (image @ BT601)[..., None]), np.float32)


def _axes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
