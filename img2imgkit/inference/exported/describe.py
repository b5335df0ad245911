"""Third-party ONNX files: combine the user's description with what the graph states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from pydantic import Field

from img2imgkit.bundle import Contract, Manifest, PluginVersion, WeightsFile
from img2imgkit.config import Config
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines.devices import PROBE
from img2imgkit.inference.engines.interface import Channels, Interface, Layout, Values
from img2imgkit.inference.tiles.grid import round_up
from img2imgkit.task import Geometry

TASK = "described"
UNKNOWN_DATA = "unknown"  # the data kind of a third-party model
LARGEST_SIDE = 8192
BLIND = (
    "the receptive radius of this model is unknown (state 'radius' under 'describe'), so seams between tiles may be "
    "visible; 'tile: off' avoids tiles"
)


class Describe(Config):
    """A user's description of a third-party ONNX file; options that are not stated are read from the graph."""

    scale: int | None = Field(default=None, ge=1, le=16, description="Ratio of the output's to the input's size.")
    values: Values | None = Field(
        default=None,
        description="Range of pictures in floats: 'unit' is 0 to 1 (the default), 'signed' -1 to 1, 'levels' 0 to 255. "
        "uint8 always means levels.",
    )
    layout: Layout | None = Field(default=None, description="Axis order; default: by the position of the channels.")
    channels: Channels | None = Field(
        default=None,
        description="'rgb' (the default for 3 channels), 'bgr', 'grey' (the model processes each channel separately), "
        "or 'y' (the default for 1 channel: the model processes luma, and chroma is upsampled bicubically).",
    )
    multiple: int = Field(default=1, ge=1, le=LARGEST_SIDE, description="Height and width must be multiples of this.")
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE, description="Minimum height and width.")
    radius: int | None = Field(
        default=None,
        ge=0,
        description="Receptive radius in input pixels; tiles are not exact without it.",
    )
    output: str | None = Field(default=None, description="Name of the output to use if there are several.")


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


def described(path: Path, model: Any, stated: Describe) -> tuple[Interface, dict[str, Any]]:
    """The interface of a third-party model, and those of its properties that were read from the graph or assumed.

    Args:
        model: the result of ``onnx_reader.read_graph``

    Raises:
        ConfigError: the description contradicts the graph, or is insufficient.
    """
    value = _only_input(path, model)
    taken: dict[str, Any] = {}

    def known(name: str, own: Any, usual: bool = False) -> Any:
        wanted = getattr(stated, name)
        if wanted is None or own is None:
            if wanted is None:
                taken[name] = own
            return own if wanted is None else wanted
        if not usual and wanted != own:
            raise _wrong(name, f"{path.name} has {own!r}, not {wanted!r}")
        return wanted

    shape, dtype = onnx_reader.shape_of(value), onnx_reader.dtype_of(value)
    if shape is None or len(shape) != 4 or dtype not in ("float32", "float16", "uint8"):
        raise ConfigError(
            f"{path}: its input {value.name!r} is {dtype or 'of an unknown type'} {_axes(shape)}, but pictures are "
            "float32, float16 or uint8 with 4 axes"
        )
    layout: Layout = known("layout", _layout(path, shape, stated))
    count, height, width, depth = _nhwc(shape, layout)
    order: Channels = known("channels", "y" if depth == 1 else "rgb", usual=True)
    read = 1 if order in ("grey", "y") else 3
    if depth not in (None, read):
        raise _wrong("channels", f"{path.name} reads {depth} channels, but {order!r} has {read}")
    size = _fixed(path, height, width, stated)
    output = _output(path, model, stated)
    written_as = onnx_reader.dtype_of(output)
    if dtype == "uint8" and written_as != "uint8" and stated.values is None:
        raise _wrong("values", f"{path.name} reads uint8 and writes {written_as}: state the range of the output")
    values: Values = known("values", "levels" if dtype == "uint8" else "unit", usual=True)
    if dtype == written_as == "uint8" and values != "levels":
        raise _wrong("values", f"{path.name} reads and writes uint8, which cannot be {values!r}")
    scale, written = _made(path, model, value, output, layout, size, stated)
    scale = known("scale", scale)
    if scale is None:
        raise _wrong("scale", f"the graph of {path.name} does not determine it: state it")
    written = written or read
    if written not in (1, 3) or (order == "y" and written != 1):
        raise _wrong("channels", f"{path.name} reads {read} channels as {order!r} and writes {written}: not supported")
    channels = 3 if order == "y" else read
    geometry = Geometry(
        scale=scale,
        multiple=stated.multiple,
        radius=stated.radius,
        channels=channels,
        output_channels=None if order == "y" or written == read else written,
        minimum=stated.minimum,
    )
    names = (value.name, output.name)
    return Interface(geometry, *names, values, layout, order, dtype, size=size, batch=count), taken


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
            output_channels={None: None, 1: 1, 3: 3}[geometry.output_channels],
            minimum=geometry.minimum,
        ),
        weights=WeightsFile(sha256=sha256, parameters=_parameters(model)),
    )


def keeps_grey(interface: Interface) -> bool:
    """Whether grey pictures stay grey: models that upsample or read no colours. Others may add colours."""
    return interface.geometry.scale > 1 or interface.channels in ("grey", "y")


def _only_input(path: Path, model: Any) -> Any:
    inputs = onnx_reader.inputs_of(model)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ConfigError(f"{path}: expected one input for a picture, but the model has {len(inputs)}: {names}")
    return inputs[0]


def _layout(path: Path, shape: Sequence[int | None], stated: Describe) -> Layout | None:
    last, second = shape[3] in (1, 3), shape[1] in (1, 3)
    if last != second:
        return "nhwc" if last else "nchw"
    if stated.layout is None:
        raise _wrong("layout", f"the input of {path.name} is {_axes(shape)}, which is ambiguous: state nchw or nhwc")
    return None


def _fixed(path: Path, height: int | None, width: int | None, stated: Describe) -> tuple[int, int] | None:
    if height is None and width is None:
        return None
    if height is None or width is None or not 1 <= min(height, width) <= max(height, width) <= LARGEST_SIDE:
        raise ConfigError(f"{path}: its input is {height} x {width}, but both must be fixed or both dynamic")
    for length in (height, width):
        if length % stated.multiple or length < stated.minimum:
            allowed = f"multiples of {stated.multiple}, at least {stated.minimum},"
            raise _wrong("multiple", f"{path.name} requires {height}x{width}, but {allowed} are stated")
    return height, width


def _output(path: Path, model: Any, stated: Describe) -> Any:
    outputs = {value.name: value for value in model.graph.output}
    if stated.output is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if stated.output not in outputs:
        raise _wrong("output", f"{path.name} has the outputs {', '.join(outputs)}: state one of them")
    return outputs[stated.output]


def _made(
    path: Path, model: Any, value: Any, output: Any, layout: Layout, size: tuple[int, int] | None, stated: Describe
) -> tuple[int | None, int | None]:
    """The scale and channels of the output; None if the graph does not determine them."""
    side = round_up(max(PROBE, stated.minimum), stated.multiple)
    height, width = size or (side, side)
    shape = onnx_reader.shape_of(value) or ()
    count, _, _, depth = _nhwc(shape, layout)
    sized = (count or 1, height, width, depth or 3)
    if layout == "nchw":
        sized = (sized[0], sized[3], height, width)
    made = onnx_reader.inferred(path, model, {value.name: sized}).get(output.name)
    found = onnx_reader.shape_of(made) if made is not None else None
    if found is None:
        return None, None
    if len(found) != 4:
        raise ConfigError(f"{path}: its output {output.name!r} is {_axes(found)}, but pictures have 4 axes")
    _, high, wide, written = _nhwc(found, layout)
    if high is None or wide is None:
        return None, written
    if high % height or wide % width or high // height != wide // width:
        raise ConfigError(
            f"{path}: maps {height}x{width} to {high}x{wide} pixels, which is not an integer scale; state the "
            "supported sizes with 'multiple' and 'minimum' under 'describe'"
        )
    return high // height, written


def _nhwc(shape: Sequence[int | None], layout: Layout) -> tuple[int | None, int | None, int | None, int | None]:
    if layout == "nchw":
        return shape[0], shape[2], shape[3], shape[1]
    return shape[0], shape[1], shape[2], shape[3]


def _axes(shape: Sequence[int | None] | None) -> str:
    return "of unknown shape" if shape is None else " x ".join("?" if n is None else str(n) for n in shape)


def _wrong(name: str, message: str) -> ConfigError:
    return ConfigError(Problem(message, f"describe.{name}"))


def _parameters(model: Any) -> int:
    return sum(prod(tensor.dims) for tensor in model.graph.initializer)
