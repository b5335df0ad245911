"""ONNX files of other software: what a user says of them, and what the graph itself tells."""

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
from img2imgkit.inference.engines.footprint import PROBE
from img2imgkit.inference.exported.interface import Channels, Interface, Layout, Values
from img2imgkit.inference.tiles.grid import round_up
from img2imgkit.task import Geometry

TASK = "described"
UNKNOWN_DATA = "unknown"  # the data kind that a model of other software was trained on
LARGEST_SIDE = 8192
BLIND = (
    "how far a pixel of this model sees is not stated ('radius' under 'describe'), so tiles may show; 'tile: off' "
    "avoids them"
)


class Describe(Config):
    """What is known of an ONNX file of other software; what is left out is read off its graph."""

    scale: int | None = Field(default=None, ge=1, le=16, description="The output is so many times as high and wide.")
    values: Values | None = Field(
        default=None,
        description="What pictures in floats are: 'unit' is 0 to 1 (the default), 'signed' -1 to 1, 'levels' 0 to 255, "
        "which uint8 is always.",
    )
    layout: Layout | None = Field(default=None, description="The order of axes; read off the channels' place.")
    channels: Channels | None = Field(
        default=None,
        description="'rgb' (the default of 3), 'bgr', 'grey': each channel of a picture goes through by itself, or "
        "'y' (the default of 1): luma goes through, and colour is enlarged by bicubic interpolation.",
    )
    multiple: int = Field(default=1, ge=1, le=LARGEST_SIDE, description="Height and width must be multiples of this.")
    minimum: int = Field(default=1, ge=1, le=LARGEST_SIDE, description="The least height and width.")
    radius: int | None = Field(
        default=None,
        ge=0,
        description="How many input pixels away a pixel of the output can see; without, tiles are not exact.",
    )
    output: str | None = Field(default=None, description="The output to take, where there are several.")


@dataclass(frozen=True)
class Described:
    """What a Translator needs to know of a model that no installed task stands behind: it takes pictures alone."""

    contract: Geometry
    keeps_grey: bool
    name: str = TASK
    data: str = UNKNOWN_DATA
    choices: Config = field(default_factory=Config)

    def geometry(self) -> Geometry:
        """How a translation maps sizes."""
        return self.contract


def described(path: Path, model: Any, stated: Describe) -> tuple[Interface, dict[str, Any]]:
    """How pictures go through a foreign model, and what of that was read off its graph, or taken for usual.

    Args:
        model: as ``onnx_reader.read_graph`` gives it

    Raises:
        ConfigError: what is stated contradicts the graph, or is not enough.
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
            raise _wrong(name, f"{path.name} says {own!r}, not {wanted!r}")
        return wanted

    shape, dtype = onnx_reader.shape_of(value), onnx_reader.dtype_of(value)
    if shape is None or len(shape) != 4 or dtype not in ("float32", "float16", "uint8"):
        raise ConfigError(
            f"{path}: its input {value.name!r} is {dtype or 'of an unknown type'} {_axes(shape)}: no pictures, which "
            "are float32, float16 or uint8 and have 4 axes"
        )
    layout: Layout = known("layout", _layout(path, shape, stated))
    count, height, width, depth = _nhwc(shape, layout)
    order: Channels = known("channels", "y" if depth == 1 else "rgb", usual=True)
    read = 1 if order in ("grey", "y") else 3
    if depth not in (None, read):
        raise _wrong("channels", f"{path.name} reads {depth}, and {order!r} are {read}")
    size = _fixed(path, height, width, stated)
    output = _output(path, model, stated)
    written_as = onnx_reader.dtype_of(output)
    if dtype == "uint8" and written_as != "uint8" and stated.values is None:
        raise _wrong("values", f"{path.name} reads uint8 and writes {written_as}: state what the latter are")
    values: Values = known("values", "levels" if dtype == "uint8" else "unit", usual=True)
    if dtype == written_as == "uint8" and values != "levels":
        raise _wrong("values", f"{path.name} reads and writes uint8, which {values!r} cannot be")
    scale, written = _made(path, model, value, output, layout, size, stated)
    scale = known("scale", scale)
    if scale is None:
        raise _wrong("scale", f"the graph of {path.name} does not tell it: state it")
    written = written or read
    if written not in (1, 3) or (order == "y" and written != 1):
        raise _wrong("channels", f"{path.name} writes {written}, of {read} that it reads as {order!r}")
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
    """A foreign file in the words of a bundle."""
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
    """Whether grey stays grey: where a model enlarges, or knows no colours. Others may well make colours up."""
    return interface.geometry.scale > 1 or interface.channels in ("grey", "y")


def _only_input(path: Path, model: Any) -> Any:
    inputs = onnx_reader.inputs_of(model)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ConfigError(f"{path}: a picture alone goes in, but this model has {len(inputs)} inputs: {names}")
    return inputs[0]


def _layout(path: Path, shape: Sequence[int | None], stated: Describe) -> Layout | None:
    last, second = shape[3] in (1, 3), shape[1] in (1, 3)
    if last != second:
        return "nhwc" if last else "nchw"
    if stated.layout is None:
        raise _wrong("layout", f"the input of {path.name} is {_axes(shape)}, which does not tell: state nchw or nhwc")
    return None


def _fixed(path: Path, height: int | None, width: int | None, stated: Describe) -> tuple[int, int] | None:
    if height is None and width is None:
        return None
    if height is None or width is None or not 1 <= min(height, width) <= max(height, width) <= LARGEST_SIDE:
        raise ConfigError(f"{path}: takes pictures of {height} x {width}: both must be fixed or both free")
    for length in (height, width):
        if length % stated.multiple or length < stated.minimum:
            allowed = f"multiples of {stated.multiple} from {stated.minimum} on"
            raise _wrong("multiple", f"{path.name} takes {height}x{width} alone, and {allowed} are stated")
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
    """The scale and the channels of what comes out, as far as the graph tells them."""
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
        raise ConfigError(f"{path}: its output {output.name!r} is {_axes(found)}: no pictures, which have 4 axes")
    _, high, wide, written = _nhwc(found, layout)
    if high is None or wide is None:
        return None, written
    if high % height or wide % width or high // height != wide // width:
        raise ConfigError(
            f"{path}: makes {high}x{wide} of {height}x{width} pixels, which is no whole multiple; 'multiple' and "
            "'minimum' under 'describe' say which sizes it takes"
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
