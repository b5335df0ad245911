"""How a bundle is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.exchange import Precision
from img2imgkit.exporting.image_io import ImageIo, Layout


class ExportOptions(Config):
    """What of a bundle is written, and how."""

    precision: Precision = Field(
        default="float32",
        description="numbers inside: float16 takes half the size, int8 a quarter; int8 needs 'calibrate'",
    )
    opset: int = Field(default=18, ge=13, le=18, description="version of ONNX's operators")
    size: Literal["dynamic"] | tuple[int, int] = Field(
        default="dynamic", description="height and width, where the model shall take no other"
    )
    image_io: ImageIo = Field(
        default="signed", description="pictures in and out: [-1, 1], [0, 1], or levels of 8 bits, rounded in the model"
    )
    layout: Layout = Field(default="nhwc", description="order of the pictures' axes")
    part: str | None = Field(
        default=None, description="one program, such as translate or encode_style, or all; null: as the format does it"
    )
    choices: dict[str, Any] = Field(
        default_factory=dict, description="what the task leaves to choose, such as a direction; part of the model then"
    )
    calibrate: Path | None = Field(
        default=None, description="folder of pictures such as the model will see, from which int8 takes its ranges"
    )
