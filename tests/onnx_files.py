"""Small ONNX files with closed-form networks, written with the ``onnx`` helper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Axis = int | str | None
Port = tuple[str, Sequence[Axis]]
ANY: Sequence[Axis] = ("n", 3, "h", "w")


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """A node; names are separated by spaces, and "-" leaves an input out."""
    from onnx import helper

    given = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, given, outputs.split(), **attributes)


def write(
    path: Path,
    nodes: Sequence[Any],
    inputs: Mapping[str, Port | Sequence[Axis]] | None = None,
    outputs: Sequence[str] = ("y",),
    kind: str = "float32",
    **weights: Any,
) -> Path:
    """Write a graph. Inputs are shapes of float32, or a type and a shape; the shapes of outputs are not stated."""
    from onnx import helper, numpy_helper, save

    def element(name: str) -> int:
        return int(helper.np_dtype_to_tensor_dtype(np.dtype(name)))

    given = []
    for name, port in (inputs or {"x": ANY}).items():
        dtype, shape = port if len(port) == 2 and isinstance(port[1], tuple | list) else ("float32", port)
        given.append(helper.make_tensor_value_info(name, element(str(dtype)), list(shape)))
    made = [helper.make_tensor_value_info(name, element(kind), None) for name in outputs]
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(list(nodes), "g", given, made, held)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def identity(path: Path, shape: Sequence[Axis] = ANY) -> Path:
    """A file that returns what it reads."""
    return write(path, [node("Identity", "x", "y")], {"x": shape})


def means(path: Path, shape: Sequence[Axis] = ANY, side: int = 3, padded: bool = False) -> Path:
    """A file that returns the mean of each pixel's square of that side, with zeros around the picture or no padding."""
    kernel = np.full((3, 1, side, side), 1 / side**2, np.float32)
    pads = [side // 2 if padded else 0] * 4
    return write(path, [node("Conv", "x k", "y", group=3, pads=pads)], {"x": shape}, k=kernel)


def enlarged_less(path: Path, margin: int, shape: Sequence[Axis] = ANY) -> Path:
    """A file that repeats pixels twice, and drops ``margin`` pixels of the result on each side."""
    nodes = [node("Resize", "x - scales", "u", mode="nearest"), node("Slice", "u first last axes", "y")]
    ends = {"first": np.array([margin] * 2), "last": np.array([-margin] * 2), "axes": np.array([2, 3])}
    return write(path, nodes, {"x": shape}, scales=np.array([1, 1, 2, 2], np.float32), **ends)


def secretly_enlarging(path: Path, scale: int, shape: Sequence[Axis] = ANY) -> Path:
    """A file that repeats pixels; its graph does not tell how often, since that is computed from the picture."""
    nodes = [
        node("ReduceMax", "x", "most", keepdims=0),
        node("Mul", "most nothing", "zero"),
        node("Add", "scales zero", "computed"),
        node("Resize", "x - computed", "y", mode="nearest"),
    ]
    return write(path, nodes, {"x": shape}, scales=np.array([1, 1, scale, scale], np.float32), nothing=np.float32(0))


def in_blocks(path: Path, block: int) -> Path:
    """A file that returns what it reads, by way of blocks, so that sides must be multiples of the block's."""
    nodes = [node("SpaceToDepth", "x", "d", blocksize=block), node("DepthToSpace", "d", "y", blocksize=block)]
    return write(path, nodes)


def mask(path: Path, shape: Sequence[Axis] = (1, 3, 16, 16)) -> Path:
    """A file that returns the mean of the channels as one."""
    return write(path, [node("ReduceMean", "x axes", "y", keepdims=1)], {"x": shape}, axes=np.array([1]))
