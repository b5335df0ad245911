"""Inputs and outputs of a third-party ONNX graph: which is the picture, its axes, and inputs of constant value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import ConfigError, Problem
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines.interface import Constant, Layout
from img2imgkit.inference.exported.describe import Describe

DTYPES = ("float32", "float16", "uint8")
DEPTHS = (1, 3, 4)  # channels of pictures
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Ports:
    """The picture's input, the output, and the other inputs, each with its value."""

    picture: Any
    output: Any
    constants: Mapping[str, Constant]

    @property
    def shape(self) -> Shape:
        """The shape of the picture's input."""
        return onnx_reader.shape_of(self.picture) or ()

    @property
    def dtype(self) -> str:
        """The type of the picture's input."""
        return onnx_reader.dtype_of(self.picture)

    @property
    def output_dtype(self) -> str:
        """The type of the output."""
        return onnx_reader.dtype_of(self.output)


def ports_of(path: Path, model: Any, stated: Describe) -> Ports:
    """Tell inputs and outputs apart.

    Raises:
        ConfigError: no input can be the picture, several can, an input has no value, or the output is not stated.
    """
    inputs = {value.name: value for value in onnx_reader.inputs_of(model)}
    if unknown := sorted(stated.constants.keys() - inputs.keys()):
        raise wrong("constants", f"{path.name} has no input {unknown[0]!r}; it has {', '.join(inputs)}")
    picture = _picture(path, inputs, stated)
    others = [value for name, value in inputs.items() if name != picture.name]
    constants = {value.name: _constant(path, value, stated) for value in others}
    return Ports(picture, _output(path, model, stated), constants)


def is_picture(value: Any) -> bool:
    """Whether an input can be a picture: its type, and the number of its axes."""
    shape = onnx_reader.shape_of(value)
    return shape is not None and 2 <= len(shape) <= 4 and onnx_reader.dtype_of(value) in DTYPES


def layout_of(shape: Shape) -> Layout | None:
    """The axes of an input by the position of its channels; None if that is ambiguous."""
    if len(shape) == 2:
        return "hw"
    if len(shape) == 3:
        return _three_axes(shape)
    last, second = shape[3] in DEPTHS, shape[1] in DEPTHS
    return None if last == second else "nhwc" if last else "nchw"


def _three_axes(shape: Shape) -> Layout | None:
    if shape[2] in DEPTHS:
        return None if shape[0] in (3, 4) else "hwc"
    if shape[0] in (3, 4):
        return "chw"
    return "nhw" if shape[0] in (None, 1) else None


def output_axes(shape: Sequence[int], count: int, like: str) -> str:
    """The axes of an output by letter, and "1" for each other axis of length 1; "" if it is no picture.

    Args:
        count: pictures in the batch
        like: the axes of the input, for the order of an output whose shape does not tell
    """
    first = "n" if len(shape) > 2 and shape[0] == count else ""
    rest = shape[len(first) :]
    if len(rest) == 2:
        return f"{first}hw"
    marks, spare = ["" for _ in rest], len(rest) - 3
    for at, length in enumerate(rest):
        if spare > 0 and length == 1:
            marks[at], spare = "1", spare - 1
    if spare:
        return ""
    three = [length for length, mark in zip(rest, marks, strict=True) if not mark]
    front, back = three[0] in DEPTHS, three[2] in DEPTHS
    letters = iter("hwc" if (back if front != back else like.endswith("c")) else "chw")
    return first + "".join(mark or next(letters) for mark in marks)


def length(shape: Sequence[int | None], axes: str, letter: str) -> int | None:
    """The length of one axis; 1 if the array lacks it."""
    return shape[axes.index(letter)] if letter in axes else 1


def shown(shape: Sequence[int | None] | None) -> str:
    """A shape in words."""
    return "of unknown shape" if shape is None else " x ".join("?" if n is None else str(n) for n in shape) or "scalar"


def wrong(name: str, message: str) -> ConfigError:
    """The error about an option of the description."""
    return ConfigError(Problem(message, f"describe.{name}"))


def _picture(path: Path, inputs: Mapping[str, Any], stated: Describe) -> Any:
    if stated.input is not None and stated.input not in inputs:
        raise wrong("input", f"{path.name} has no input {stated.input!r}; it has {', '.join(inputs) or 'none'}")
    names = [stated.input] if stated.input else [name for name in inputs if name not in stated.constants]
    found = [inputs[name] for name in names if is_picture(inputs[name])]
    ranks = [len(onnx_reader.shape_of(value) or ()) for value in found]
    found = [value for value, rank in zip(found, ranks, strict=True) if rank == max(ranks)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{name} ({_about(inputs[name])})" for name in names) or "none"
    if found:
        raise wrong("input", f"{path.name} has several inputs that could be the picture: {listed}: state one of them")
    raise ConfigError(
        f"{path}: none of its inputs is a picture, which is float32, float16 or uint8 with 2 to 4 axes; it has {listed}"
    )


def _constant(path: Path, value: Any, stated: Describe) -> Constant:
    shape, dtype = onnx_reader.shape_of(value), onnx_reader.dtype_of(value)
    if value.name not in stated.constants:
        raise wrong(
            "constants", f"{path.name} also reads {value.name!r} ({_about(value)}): state its value, a number or a list"
        )
    if shape is None or not dtype:
        raise ConfigError(f"{path}: its input {value.name!r} is {_about(value)}, which cannot be a constant")
    constant = Constant(stated.constants[value.name], dtype, shape)
    try:
        exact = np.asarray(constant.value, np.float64)
        made = constant.array((1, 8, 8)).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong(f"constants.{value.name}", f"{constant.value!r} does not fit {_about(value)}: {error}") from None
    if np.issubdtype(np.dtype(dtype), np.integer) and (made != np.broadcast_to(exact, made.shape)).any():
        raise wrong(f"constants.{value.name}", f"{constant.value!r} is not whole, but {path.name} reads {dtype}")
    return constant


def _output(path: Path, model: Any, stated: Describe) -> Any:
    outputs = {value.name: value for value in model.graph.output}
    if stated.output is None and len(outputs) == 1:
        return next(iter(outputs.values()))
    if stated.output not in outputs:
        raise wrong("output", f"{path.name} has the outputs {', '.join(outputs)}: state one of them")
    return outputs[stated.output]


def _about(value: Any) -> str:
    return f"{onnx_reader.dtype_of(value) or 'of an unknown type'} {shown(onnx_reader.shape_of(value))}"
