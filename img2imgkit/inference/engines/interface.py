"""The representation of pictures in an exported model's inputs and outputs: values, axes, channels, margins, sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from PIL.Image import Resampling

from img2imgkit.engine import Arrays
from img2imgkit.errors import TranslateError
from img2imgkit.inference.engines.image_arrays import (
    BT601,
    arranged,
    as_nhwc,
    enlarged,
    resampled,
    stretched,
    swapped,
    with_luma,
)
from img2imgkit.inference.inputs.scene import ALPHA
from img2imgkit.inference.tiles.grid import reflected, round_up
from img2imgkit.task import Geometry

Values = Literal["signed", "unit", "levels"]
Gives = Literal["signed", "unit", "levels", "normalized", "logits", "stretched"]
Layout = Literal["nhwc", "nchw", "nhw", "hwc", "chw", "hw"]
Channels = Literal["rgb", "bgr", "grey", "y", "rgba", "bgra"]
Size = tuple[int, int]


@dataclass(frozen=True)
class Constant:
    """A further input that has the same value in each call.

    Attributes:
        value: a number, or nested lists
        shape: None for axes that follow the picture: the batch first, then, of 4 axes, height and width
    """

    value: Any
    dtype: str
    shape: tuple[int | None, ...]

    def array(self, sizes: Sequence[int]) -> np.ndarray:
        """The input for a call. Args: sizes: batch, height and width of the picture's input."""
        free = [*sizes] if len(self.shape) == 4 else [sizes[0]]
        if self.shape and self.shape[0] is not None:
            del free[0]
        lengths = [(free.pop(0) if free else 1) if length is None else length for length in self.shape]
        return np.ascontiguousarray(np.broadcast_to(np.asarray(self.value, self.dtype), lengths))


@dataclass(frozen=True)
class Fit:
    """Pictures are resized to the one size that a model reads, and its outputs back.

    Attributes:
        reads, writes: height and width of the model's input and output
    """

    reads: Size
    writes: Size


@dataclass(frozen=True)
class Interface:
    """The inputs and the output of a translation.

    Attributes:
        geometry: geometry of the translation for a Translator
        image, output: names of the picture's (or label map's) input and of the output
        values: range of pictures in floats: [-1, 1] ("signed"), [0, 1] ("unit"), or 0 to 255 ("levels"); integers are
            always levels
        layout: axes of the input
        channels: channels of pictures; for "y" the model processes luma, and chroma is upsampled by bicubic
            interpolation
        dtype: type of pictures
        conditions: names and types of the other inputs; None: all that a task computes, in float32
        size: height and width of tiles if fixed
        batch: batch size if fixed
        mean, std: of the input by channel, in units of ``values`` and in the model's order: it reads
            (value - mean) / std
        gives: range of the output in floats: as for ``values``, or colours like those that it reads ("normalized"),
            values before a sigmoid ("logits"), or any, whose extremes become black and white ("stretched")
        output_axes: axes of the output by letter, as ``layout``, with "1" for axes of length 1 beside them; "": as
            ``layout``
        margin: pixels by which the output falls short of ``scale`` times the input, on each side
        multiple: of height and width of the input with the pixels that make up for the margin
        constants: further inputs
        fit: the sizes between which pictures and outputs are resized, if they are
        as_alpha: whether the output becomes the alpha of the picture, in place of a picture
        is_described: whether ranges are a user's word, which outputs may belie
    """

    geometry: Geometry
    image: str = "image"
    output: str = "output"
    values: Values = "signed"
    layout: Layout = "nhwc"
    channels: Channels = "rgb"
    dtype: str = "float32"
    conditions: Mapping[str, str] | None = field(default_factory=dict)
    size: Size | None = None
    batch: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    gives: Gives | None = None
    output_axes: str = ""
    margin: int = 0
    multiple: int = 1
    constants: Mapping[str, Constant] = field(default_factory=dict)
    fit: Fit | None = None
    as_alpha: bool = False
    is_described: bool = False

    @property
    def whole(self) -> bool:
        """Whether each call must see a whole picture."""
        return self.fit is not None or self.gives == "stretched"

    @property
    def reads_alpha(self) -> bool:
        """Whether the model reads alpha as a fourth channel."""
        return self.channels in ("rgba", "bgra")

    def feeds(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Convert a Translator's arrays to the model's inputs; arrays that the model does not read are dropped.

        Shapes:
            see ``Runner.__call__``
        Raises:
            TranslateError: an input is missing.
        """
        found = {self.image: self._picture(inputs)}
        conditions = self.conditions
        if conditions is None:
            conditions = {name: "float32" for name in inputs if name != "source"}
        for name, dtype in conditions.items():
            if name not in inputs:
                raise TranslateError(f"the model needs the input {name!r}, which is missing")
            found[name] = np.ascontiguousarray(inputs[name], dtype)
        count, height, width = inputs["source"].shape[:3]
        for name, constant in self.constants.items():
            found[name] = constant.array((count, *self.read_size(height, width)))
        return found

    def image_of(self, made: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Convert the model's output to what a Translator expects.

        Shapes:
            made: the model's output; source: the input, (N, H, W, C) in [-1, 1]
                -> (N, scale * H, scale * W, written), float32
        Raises:
            TranslateError: size or channels differ from the description.
        """
        image = as_nhwc(made, self.output_axes or self.layout)
        count, height, width = source.shape[:3]
        scale, written = self.geometry.scale, 1 if self.channels == "y" else self.geometry.written
        expected = count, *self._written_size(height, width), written
        if image.shape != expected:
            given = f"the model returned {_axes(image.shape)} for {_axes(source.shape)}"
            raise TranslateError(f"{given}, not {_axes(expected)} as described")
        image = self._placed(self._signed(image), scale * height, scale * width)
        if self.channels == "y":
            return with_luma(enlarged(source, scale), image)
        return swapped(image) if self.channels in ("bgr", "bgra") else image

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Convert images to the model's representation. Shapes: (N, H, W, C) in [-1, 1] -> in the model's layout."""
        return np.ascontiguousarray(arranged(self._numbers(image), self.layout), self.dtype)

    def read_size(self, height: int, width: int) -> Size:
        """Height and width of the model's input for a tile."""
        if self.fit is not None:
            return self.fit.reads
        more = continued(self.margin, self.geometry.scale, self.multiple)[1]
        return height + more, width + more

    def _written_size(self, height: int, width: int) -> Size:
        if self.fit is not None:
            return self.fit.writes
        scale = self.geometry.scale
        high, wide = (scale * side - 2 * self.margin for side in self.read_size(height, width))
        return high, wide

    def _picture(self, inputs: Arrays) -> np.ndarray:
        source = inputs["source"]
        if self.geometry.ids:
            return np.ascontiguousarray(source)
        if self.channels == "y":
            source = (source @ BT601)[..., None]
        if self.reads_alpha:
            opaque = np.ones((*source.shape[:3], 1), np.float32)
            source = np.concatenate([source, inputs.get(ALPHA, opaque)], axis=-1)
        return self.pixels(self._fitted(swapped(source) if self.channels in ("bgr", "bgra") else source))

    def _fitted(self, source: np.ndarray) -> np.ndarray:
        """The picture in the size that the model reads: resized, or continued by reflection for the margin."""
        if self.fit is not None:
            return resampled(source, *self.fit.reads, Resampling.BILINEAR)
        before, more = continued(self.margin, self.geometry.scale, self.multiple)
        if not more:
            return source
        rows, columns = (reflected(side, -before, side + more - before) for side in source.shape[1:3])
        return source[:, rows[:, None], columns]

    def _placed(self, image: np.ndarray, height: int, width: int) -> np.ndarray:
        """The output in the size that the Translator expects."""
        if self.fit is not None:
            return resampled(image, height, width, Resampling.BILINEAR)
        first = continued(self.margin, self.geometry.scale, self.multiple)[0] * self.geometry.scale - self.margin
        return image[:, first : first + height, first : first + width] if self.margin else image

    def _numbers(self, image: np.ndarray) -> np.ndarray:
        whole = np.issubdtype(np.dtype(self.dtype), np.integer)
        image = self._in_range(image, whole)
        if whole or not (self.mean or self.std):
            return image
        return (image - _each(self.mean or (0.0,))) / _each(self.std or (1.0,))

    def _in_range(self, image: np.ndarray, whole: bool) -> np.ndarray:
        if self.values == "signed" and not whole:
            return image
        if self.values == "unit" and not whole:
            return (image + np.float32(1)) / np.float32(2)
        levels = (image + np.float32(1)) * np.float32(127.5)
        return np.floor(levels.clip(0, 255) + np.float32(0.5)) if whole else levels

    def _signed(self, made: np.ndarray) -> np.ndarray:
        whole, image = np.issubdtype(made.dtype, np.integer), made.astype(np.float32, copy=False)
        gives = "levels" if whole else self.gives or self.values
        if gives == "normalized":
            image = image * _each(self.std or (1.0,)) + _each(self.mean or (0.0,))
            gives = self.values
        if gives == "logits":
            return np.tanh(image / np.float32(2))  # the sigmoid in [-1, 1]
        if gives == "stretched":
            return stretched(image)
        if gives == "signed":
            return image
        return image * np.float32(2 if gives == "unit" else 2 / 255) - np.float32(1)


def continued(margin: int, scale: int, multiple: int) -> tuple[int, int]:
    """Input pixels that make up for a margin: those before the picture along an axis, and those on both sides."""
    before = -(-margin // scale)
    return before, round_up(2 * before, multiple)


def _each(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, np.float32)


def _axes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
