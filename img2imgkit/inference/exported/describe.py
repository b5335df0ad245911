"""Third-party ONNX files: the user's description, and what stands in for a task and a manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from img2imgkit.bundle import Contract, Manifest, PluginVersion, WeightsFile
from img2imgkit.config import Config
from img2imgkit.inference.engines.interface import Channels, Gives, Interface, Layout, Values
from img2imgkit.task import Geometry

TASK = "described"
UNKNOWN_DATA = "unknown"  # the data kind of a third-party model
LARGEST_SIDE = 8192
LARGEST_SCALE = 16
BLIND = (
    "the receptive radius of this model is unknown (state 'radius' under 'describe'), so seams between tiles may be "
    "visible; 'tile: off' avoids tiles"
)
Numbers = float | tuple[float, ...]


class Describe(Config):
    """A user's description of a third-party ONNX file; options that are not stated are read from the graph, or from a
    run on small pictures where the graph does not determine them."""

    scale: int | None = Field(
        default=None, ge=1, le=LARGEST_SCALE, description="Ratio of the output's to the input's size."
    )
    values: Values | None = Field(
        default=None,
        description="Range of pictures in floats: 'unit' is 0 to 1 (the default), 'signed' -1 to 1, 'levels' 0 to 255. "
        "uint8 always means levels.",
    )
    mean: Numbers | None = Field(
        default=None,
        description="Subtracted from what goes in: one number, or one for each channel in the model's order, in units "
        "of `values`, such as [0.485, 0.456, 0.406].",
    )
    std: Numbers | None = Field(default=None, description="Divides what goes in after `mean`, likewise.")
    gives: Gives | None = Field(
        default=None,
        description="Range of what comes out in floats, if it is not that of `values`: 'unit', 'signed', 'levels', "
        "'normalized' (by the same `mean` and `std`), 'logits' (values before a sigmoid), or 'stretched' (any range: "
        "each picture's extremes become black and white, as for depth).",
    )
    layout: Layout | None = Field(
        default=None,
        description="Axes of the input, which may lack those of length 1; default: by the position of the channels.",
    )
    channels: Channels | None = Field(
        default=None,
        description="'rgb' (the default for 3 channels), 'bgr', 'grey' (the model processes each channel separately), "
        "'y' (the default for 1 channel: the model processes luma, and chroma is upsampled bicubically), 'rgba' (the "
        "default for 4 channels) or 'bgra'.",
    )
    multiple: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_SIDE,
        description="Height and width of the model's input must be multiples of this.",
    )
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE, description="Minimum height and width of the model's input.")
    margin: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST_SIDE,
        description="Pixels by which the output falls short of `scale` times the input on each side, because "
        "convolutions are not padded: pictures are continued by as much.",
    )
    radius: int | None = Field(
        default=None,
        ge=0,
        description="Receptive radius in input pixels; tiles are not exact without it.",
    )
    size: tuple[int, int] | None = Field(
        default=None, description="Height and width to run a model at that takes any size, see `fit`."
    )
    fit: Literal["tiles", "resize"] | None = Field(
        default=None,
        description="How pictures get to a model of one size: as 'tiles', or as a whole, by 'resize', with the output "
        "resized back, as masks, depth and styles need. Default: 'resize' for one channel out of colours and for a "
        "stated `size`, otherwise 'tiles'.",
    )
    constants: dict[str, Any] = Field(
        default_factory=dict,
        description="Values of further inputs by name, numbers or lists, such as {strength: 0.5}; a number fills an "
        "input of any shape.",
    )
    input: str | None = Field(default=None, description="Name of the picture's input, if several inputs could be it.")
    output: str | None = Field(default=None, description="Name of the output to use if there are several.")
    as_alpha: bool = Field(
        default=False, description="The output, a mask, becomes the alpha of the picture instead of a picture."
    )


@dataclass(frozen=True)
class Described:
    """Stands in for the task of a model without an installed task, whose only input is a picture."""

    contract: Geometry
    keeps_grey: bool
    name: str = TASK
    data: str = UNKNOWN_DATA
    choices: Config = field(default_factory=Config)

    def geometry(self) -> Geometry:
        """See ``Task.geometry``."""
        return self.contract


def described_manifest(path: Path, model: Any, interface: Interface, sha256: str) -> Manifest:
    """A manifest for a third-party file."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "-", path.stem)
    geometry = interface.geometry
    return Manifest(
        format=1,
        name=name if re.match(r"[A-Za-z0-9]", name) else f"model{name}",
        task=TASK,
        plugin=PluginVersion(name="", version=""),
        options={},
        contract=Contract(
            data=UNKNOWN_DATA,
            scale=geometry.scale,
            multiple=geometry.multiple,
            radius=geometry.radius,
            channels=3 if geometry.channels == 3 else 1,
            output_channels={None: None, 1: 1, 3: 3, 4: None}[geometry.output_channels],
            minimum=geometry.minimum,
        ),
        weights=WeightsFile(sha256=sha256, parameters=_parameters(model)),
    )


def keeps_grey(interface: Interface) -> bool:
    """Whether grey pictures stay grey: models that upsample or read no colours. Others may add colours."""
    if interface.geometry.written == 4:
        return False  # grey is the mean of the channels, and alpha is none of them
    return interface.geometry.scale > 1 or interface.channels in ("grey", "y")


def _parameters(model: Any) -> int:
    return sum(prod(tensor.dims) for tensor in model.graph.initializer)
