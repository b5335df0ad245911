"""Normalizations in ONNX graphs: each image's statistics as one operator, running statistics in the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from img2imgkit.formats.onnx_graph import Graph, attributes_of, per_channel

PLANES = ({2, 3}, {-1, -2}, {2, -1}, {3, -2})  # names of both axes of a picture, NCHW


def instance_norm(graph: Graph, node: Any) -> bool:
    """(x - mean) / sqrt(variance + epsilon), both of each image's channels, is InstanceNormalization."""
    if node.op_type != "Mul":
        return False
    for centred, factor in (node.input, reversed(node.input)):
        found = _normalized(graph, centred, factor)
        if found is not None:
            x, epsilon, channels, gamma = found
            scale = np.ones(channels, np.float32) if gamma is None else np.broadcast_to(gamma, channels).copy()
            names = [
                graph.added(scale, f"{node.name}/scale"),
                graph.added(np.zeros(channels, np.float32), f"{node.name}/shift"),
            ]
            graph.replace(node, "InstanceNormalization", [x, *names], node.output[0], epsilon=epsilon)
            return True
    return False


def _normalized(graph: Graph, centred: str, factor: str) -> tuple[str, float, int, np.ndarray | None] | None:
    """The normalized tensor, epsilon, its number of channels, and a scale; None if the pattern does not match."""
    gamma = None
    scaled = graph.maker(factor, "Mul")
    if scaled is not None and (parts := graph.split(scaled)) is not None:
        factor, value = parts
        if (gamma := per_channel(value)) is None:
            return None
    subtracted = graph.maker(centred, "Sub")
    root = _path(graph, factor, "Reciprocal", "Sqrt")
    added = graph.maker(root, "Add") if root else None
    parts = graph.split(added) if added is not None else None
    if subtracted is None or parts is None or parts[1].size != 1:
        return None
    square = graph.maker(_averaged(graph, parts[0]) or "", "Mul")
    x = subtracted.input[0]
    if square is None or {*square.input} != {centred} or _averaged(graph, subtracted.input[1]) != x:
        return None
    channels = _channels(graph, x)
    return None if channels is None else (x, float(parts[1].reshape(-1)[0]), channels, gamma)


def _path(graph: Graph, name: str, *kinds: str) -> str | None:
    """Follow a tensor back through operators of one input."""
    for kind in kinds:
        node = graph.maker(name, kind)
        if node is None:
            return None
        name = node.input[0]
    return name


def _averaged(graph: Graph, name: str) -> str | None:
    """The tensor whose mean over both axes of the picture this is; None if it is something else."""
    axes: set[int] = set()
    while True:
        node = graph.makers.get(name)
        if node is not None and node.op_type == "Reshape" and not axes:
            name = node.input[0]  # the mean keeps its axes: such a reshape states its shape
            continue
        if node is None or node.op_type != "ReduceMean" or not attributes_of(node).get("keepdims", 1):
            return None
        stated = graph.constant(node.input[1]) if len(node.input) > 1 else attributes_of(node).get("axes")
        axes |= {int(axis) for axis in np.asarray([] if stated is None else stated).reshape(-1)}
        name = node.input[0]
        if axes in PLANES:
            return name
        if len(axes) != 1:
            return None


def _channels(graph: Graph, name: str) -> int | None:
    """The number of channels of a tensor, from the weights of what made it."""
    for _ in range(64):
        node = graph.makers.get(name)
        if node is None:
            return None
        if node.op_type in ("Conv", "ConvTranspose") and (kernel := graph.constant(node.input[1])) is not None:
            groups = attributes_of(node).get("group", 1)
            return int(kernel.shape[0] if node.op_type == "Conv" else kernel.shape[1] * groups)
        if node.op_type == "InstanceNormalization":
            return int(graph.constants[node.input[1]].size)
        for each in node.input:
            value = graph.constant(each)
            if value is not None and value.ndim == 4 and value.shape[1] == value.size > 1:
                return int(value.size)
        if node.op_type not in KEEPING:
            return None
        name = next(each for each in node.input if each not in graph.constants)
    return None


KEEPING = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Relu", "LeakyRelu", "PRelu", "Tanh", "Sigmoid", "Pad", "Resize", "Identity"),
        *("AveragePool", "MaxPool"),
    )
)
"""Operators that keep the number of channels of their first input that is no constant."""


def affine_of_norm(graph: Graph, node: Any) -> bool:
    """Put a scale or shift of each channel behind InstanceNormalization into it."""
    if node.op_type != "InstanceNormalization":
        return False
    scale, shift = (graph.constants[name] for name in node.input[1:])
    reader = graph.only_reader(node.output[0])
    parts = graph.split(reader) if reader is not None and reader.op_type in ("Add", "Mul") else None
    value = per_channel(parts[1]) if parts is not None else None
    if reader is None or value is None or (value.size not in (1, scale.size)):
        return False
    scale, shift = (scale * value, shift * value) if reader.op_type == "Mul" else (scale, shift + value)
    names = [graph.added(scale, f"{node.name}/scale"), graph.added(shift, f"{node.name}/shift")]
    epsilon = attributes_of(node)["epsilon"]
    graph.replace(reader, node.op_type, [node.input[0], *names], reader.output[0], epsilon=epsilon)
    return True


def folded(graph: Graph, node: Any) -> bool:
    """Put a scale or shift of each channel behind a convolution, such as batch normalization's, into its weights."""
    if node.op_type not in ("Conv", "ConvTranspose") or attributes_of(node).get("group", 1) != 1:
        return False
    kernel = graph.constant(node.input[1])
    bias = graph.constant(node.input[2]) if len(node.input) > 2 else None
    reader = graph.only_reader(node.output[0])
    if kernel is None or reader is None or reader.op_type not in AFFINE or (len(node.input) > 2 and bias is None):
        return False
    parts = graph.split(reader)
    value = per_channel(parts[1]) if parts is not None else None
    if value is None or (reader.op_type in ("Sub", "Div") and reader.input[0] != node.output[0]):
        return False
    axis = 0 if node.op_type == "Conv" else 1
    filters = kernel.shape[axis]
    if value.size not in (1, filters):
        return False
    factor, offset = AFFINE[reader.op_type](np.broadcast_to(value, filters).astype(np.float64))
    shape = [-1 if each == axis else 1 for each in range(kernel.ndim)]
    wide = np.zeros(filters) if bias is None else bias.astype(np.float64)
    weights = [(kernel * factor.reshape(shape)).astype(np.float32), (wide * factor + offset).astype(np.float32)]
    names = [graph.added(each, f"{node.name}/{name}") for each, name in zip(weights, ("kernel", "bias"), strict=True)]
    graph.replace(reader, node.op_type, [node.input[0], *names], reader.output[0], **attributes_of(node))
    return True


AFFINE: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "Add": lambda value: (np.ones_like(value), value),
    "Sub": lambda value: (np.ones_like(value), -value),
    "Mul": lambda value: (value, np.zeros_like(value)),
    "Div": lambda value: (1 / value, np.zeros_like(value)),
}
