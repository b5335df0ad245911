"""Options of an export, among them how an exported model represents pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.exchange import DType, Port, Precision
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry

ImageIo = Literal["signed", "unit", "uint8"]
Size = tuple[int, int]
LEAST = 8  # pixels, the smallest side to test a model with
Layout = Literal["nhwc", "nchw"]
KINDS = {1: "grey", 3: "RGB", 4: "RGBA"}  # by the number of channels
RANGES: dict[ImageIo, str] = {"signed": "in [-1, 1]", "unit": "in [0, 1]", "uint8": "as levels, 0 to 255"}


@dataclass(frozen=True)
class Pictures:
    """The representation of pictures at a model's inputs and outputs.

    Attributes:
        image_io: float32 in [-1, 1] ("signed") or [0, 1] ("unit"), or 8-bit levels ("uint8")
        layout: the axis order
    """

    image_io: ImageIo = "signed"
    layout: Layout = "nhwc"

    def port(self, name: str, height: int | None, width: int | None, channels: int, scale: int = 1) -> Port:
        """Describe an input or output for pictures."""
        times = f"*{scale}" if scale > 1 else ""
        axes = ("batch", "" if height else f"height{times}", "" if width else f"width{times}", "")
        dtype: DType = "uint8" if self.image_io == "uint8" else "float32"
        meaning = f"{KINDS[channels]} {RANGES[self.image_io]}"
        return Port(name, self._ordered((None, height, width, channels)), dtype, meaning, self._ordered(axes))

    def read(self, given: Any) -> Any:
        """Convert an input to what networks read. Shapes: as ``port`` -> (N, H, W, C) float32 in [-1, 1]."""
        import tensorflow as tf

        image = tf.transpose(given, (0, 2, 3, 1)) if self.layout == "nchw" else given
        if self.image_io == "uint8":
            return tf.cast(image, tf.float32) / 127.5 - 1.0
        return image * 2.0 - 1.0 if self.image_io == "unit" else image

    def write(self, image: Any) -> Any:
        """Convert a network's output; levels are rounded half up, like ``images.to_levels``.

        Shapes:
            (N, H, W, C) in [-1, 1] -> as ``port``; "unit" and "uint8" are clipped to their range
        """
        import tensorflow as tf

        image = tf.cast(image, tf.float32)
        if self.image_io == "unit":
            image = tf.clip_by_value(image * 0.5 + 0.5, 0.0, 1.0)
        if self.image_io == "uint8":
            image = tf.cast(tf.floor((tf.clip_by_value(image, -1.0, 1.0) + 1.0) * 127.5 + 0.5), tf.uint8)
        return tf.transpose(image, (0, 3, 1, 2)) if self.layout == "nchw" else image

    def of_levels(self, levels: np.ndarray) -> np.ndarray:
        """Convert 8-bit levels to an input. Shapes: (N, H, W, C) uint8 -> as ``port``."""
        image = levels if self.image_io == "uint8" else levels.astype(np.float32) / np.float32(255)
        image = to_unit(levels) if self.image_io == "signed" else image
        return np.ascontiguousarray(image.transpose(0, 3, 1, 2)) if self.layout == "nchw" else image

    def _ordered(self, axes: tuple[Any, Any, Any, Any]) -> tuple[Any, ...]:
        count, height, width, channels = axes
        return (count, channels, height, width) if self.layout == "nchw" else axes


def legal_size(geometry: Geometry, number: int = 0) -> Size:
    """A non-square size that a translation accepts; it grows with ``number``."""
    unit = geometry.multiple
    least = -(-max(geometry.minimum, LEAST) // unit)
    return unit * (least + number), unit * (least + number + 1)


class ExportOptions(Config):
    """Which programs of a bundle are written, and how."""

    precision: Precision = Field(
        default="float32",
        description="number format inside the model: float16 halves the size, int8 quarters it; int8 needs 'calibrate'",
    )
    opset: int = Field(default=18, ge=13, le=23, description="ONNX opset version")
    size: Literal["dynamic"] | tuple[int, int] = Field(
        default="dynamic",
        description="fixed height and width of one picture at a time, or 'dynamic' for any size and batch",
    )
    image_io: ImageIo = Field(
        default="signed",
        description="range of pictures in and out: [-1, 1], [0, 1], or 8-bit levels, rounded in the model",
    )
    layout: Layout = Field(default="nhwc", description="axis order of pictures")
    program: str | None = Field(
        default=None,
        description="the program to write, such as translate or encode_style, or 'all'; null: the format's default",
    )
    choices: dict[str, Any] = Field(
        default_factory=dict, description="choices of the task, such as a direction, which the model then has built in"
    )
    calibrate: Path | None = Field(
        default=None, description="folder of pictures like those the model will process, to calibrate int8 ranges with"
    )
