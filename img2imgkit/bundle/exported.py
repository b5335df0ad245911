"""What an exported model says of itself: the bundle it was made of, and what goes into it and comes out."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from img2imgkit.bundle.manifest import LARGEST_SCALE, LARGEST_SIDE, Manifest, read_description
from img2imgkit.config import Config

EXPORTED_FORMAT = 1
EXPORTED_KEY = "img2imgkit"
"""Of the metadata of an ONNX file that holds the description."""
EXPORTED_FILE = "img2imgkit.json"
"""Beside what cannot hold it."""

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
    """What 8 bits cost: mean PSNR between the outputs of the model and of its float32 form, over real pictures."""

    pictures: int = Field(ge=1)
    psnr: float


class Exported(Config):
    """The description that travels with an exported model.

    Attributes:
        manifest: of the bundle, whole
        image_io: what pictures are: float32 in [-1, 1] ("signed") or [0, 1] ("unit"), or levels ("uint8")
        layout: the order of axes of pictures
        size: height and width, where they are fixed
        choices: of the task, which are part of the model now
        keeps_grey: see ``Task``
        int8: what its 8 bits cost, if it has such
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
        """As JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def read_exported(text: str, place: str) -> Exported:
    """The description out of its JSON.

    Args:
        place: the file, for errors

    Raises:
        BundleError: it is damaged, or of a format that this version does not know.
    """
    return read_description(Exported, text, place, EXPORTED_FORMAT, "description of format")
