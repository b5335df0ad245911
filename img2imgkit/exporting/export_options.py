"""Options of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.exchange import Precision
from img2imgkit.exporting.image_io import ImageIo, Layout


class ExportOptions(Config):
    """Which programs of a bundle are written, and how."""

    precision: Precision = Field(
        default="float32",
        description="number format inside the model: float16 halves the size, int8 quarters it; int8 needs 'calibrate'",
    )
    opset: int = Field(default=18, ge=13, le=18, description="ONNX opset version")
    size: Literal["dynamic"] | tuple[int, int] = Field(
        default="dynamic", description="fixed height and width, or 'dynamic' for any size"
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
