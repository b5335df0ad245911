"""The description inside an exported model: its source bundle, inputs and outputs."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from img2imgkit.bundle.manifest import LARGEST_SCALE, LARGEST_SIDE, Manifest, read_description
from img2imgkit.config import Config

EXPORTED_FORMAT = 1
EXPORTED_KEY = "img2imgkit"
"""The key of the description in the metadata of an ONNX file."""
EXPORTED_FILE = "img2imgkit.json"
"""The file of the description next to formats without metadata."""

ImageIo = Literal["signed", "unit", "uint8"]
Layout = Literal["nhwc", "nchw"]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]


class PortDescription(Config):
    """See ``exchange.Port``."""

    name: str
    shape: tuple[int | None, ...]
    dtype: Literal["float32", "uint8", "int32"]
    meaning: str
    axes: tuple[str, ...] = ()


class ProgramDescription(Config):
    """See ``exchange.Program``."""

    name: str
    inputs: tuple[PortDescription, ...]
    outputs: tuple[PortDescription, ...]
    multiple: int = Field(default=1, ge=1, le=LARGEST_SIDE)
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE)
    scale: int | None = Field(default=1, ge=1, le=LARGEST_SCALE)


class Quantised(Config):
    """The loss by quantisation: mean PSNR between the outputs in int8 and in float32, over real pictures."""

    pictures: int = Field(ge=1)
    psnr: float


class Exported(Config):
    """The description stored with an exported model.

    Attributes:
        manifest: the complete manifest of the bundle
        image_io: value range of pictures: float32 in [-1, 1] ("signed") or [0, 1] ("unit"), or levels ("uint8")
        layout: the axis order of pictures
        size: height and width, if they are fixed
        choices: the task's choices, fixed in the model
        keeps_grey: see ``Task``
        int8: the loss by quantisation, for int8 models
    """

    format: int = Field(ge=1, le=EXPORTED_FORMAT)
    manifest: Manifest
    image_io: ImageIo = "signed"
    layout: Layout = "nhwc"
    precision: Literal["float32", "float16", "int8"] = "float32"
    size: tuple[Side, Side] | None = None
    choices: dict[str, Any] = Field(default_factory=dict)
    keeps_grey: bool = False
    programs: tuple[ProgramDescription, ...]
    int8: Quantised | None = None

    def text(self) -> str:
        """Serialise to JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def read_exported(text: str, place: str) -> Exported:
    """Parse a description from JSON.

    Args:
        place: the file, for errors

    Raises:
        BundleError: it is damaged, or its format is unknown to this version.
    """
    return read_description(Exported, text, place, EXPORTED_FORMAT, "description of format")
