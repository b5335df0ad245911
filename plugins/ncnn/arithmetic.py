"""ONNX's arithmetic in ncnn: with numbers, with one number for each channel, and of two tensors; sums and means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from img2imgkit_plugins.ncnn.drawing import Drawing, Tensor, refused

How = Mapping[str, Any]
BINARY = {"Add": 0.0, "Sub": 1.0, "Mul": 2.0, "Div": 3.0, "Max": 4.0, "Min": 5.0}  # ncnn's numbers
MEAN, FIXED_AXES = (
    3.0,
    1.0,
)  # ncnn's number of a mean; axes that count from the channels, as all but old files mean them


def binary(drawing: Drawing, node: Any, how: How) -> None:
    """Of two inputs, at least one depends on the picture."""
    if len(node.input) != 2:
        raise refused(node, f"of {len(node.input)} tensors")
    constants = [drawing.is_constant(name) for name in node.input]
    if not any(constants):
        _of_tensors(drawing, node)
        return
    x = drawing.tensor(node.input[constants.index(False)])
    value = _by_channel(node, drawing.constant(node, constants.index(True)), x)
    reverse = constants[0]
    if node.op_type in ("Max", "Min"):
        _bounded(drawing, node, x, value)
    elif value.size == 1:
        drawing.set(node, _scaled(node, x, float(value[0]), reverse))
    else:
        _by_channels(drawing, node, x, value, reverse)


def _by_channel(node: Any, value: np.ndarray, x: Tensor) -> np.ndarray:
    """A constant as one number, or one for each channel. Shapes: as the tensor's axes -> (1,) or (C,)."""
    whole = value.reshape((1,) * (4 - value.ndim) + value.shape)
    if whole.size not in (1, x.channels) or whole.shape[x.order.index("C")] != whole.size:
        raise refused(node, f"with a constant of shape {value.shape}")
    return whole.ravel().astype(np.float64)


def _affine(node: Any, value: Any, reverse: bool) -> tuple[Any, Any]:
    """The factor and the summand of an operation with constants.

    Args:
        reverse: whether the constant is the first operand
    """
    kind = node.op_type
    if kind == "Div" and reverse:
        raise refused(node, "by a tensor")
    if kind in ("Mul", "Div"):
        return (value if kind == "Mul" else 1 / value), value * 0
    sign = -1.0 if kind == "Sub" else 1.0
    return value * 0 + (sign if reverse else 1.0), value * (1.0 if reverse else sign)


def _scaled(node: Any, x: Tensor, value: float, reverse: bool) -> Tensor:
    """Numbers are gathered; nothing is computed yet."""
    factor, added = _affine(node, value, reverse)
    return replace(x, factor=x.factor * factor, added=x.added * factor + added)


def _by_channels(drawing: Drawing, node: Any, x: Tensor, value: np.ndarray, reverse: bool) -> None:
    factor, added = _affine(node, value, reverse)
    bias = (x.added * factor + added).astype(np.float32)
    stated = {0: (float(x.channels),), 1: (1.0,)}
    blob = drawing.add("Scale", [x.blob], stated, weight=(x.factor * factor).astype(np.float32), bias=bias)
    drawing.set(node, Tensor(blob, x.channels, x.order))


def _bounded(drawing: Drawing, node: Any, x: Tensor, value: np.ndarray) -> None:
    if value.size != 1:
        raise refused(node, "with one number for each channel")
    x = drawing.plain(x)
    drawing.set(node, replace(x, blob=drawing.scalar(x.blob, BINARY[node.op_type], float(value[0]))))


def _of_tensors(drawing: Drawing, node: Any) -> None:
    """Of a tensor of one channel and one of several, the former is copied to all channels."""
    pair = [drawing.plain(drawing.tensor(name)) for name in node.input]
    channels, orders = max(each.channels for each in pair), {each.order for each in pair}
    if len(orders) > 1 or {each.channels for each in pair} - {1, channels}:
        raise refused(node, f"of {pair[0].channels} and {pair[1].channels} channels")
    blobs = [_repeated(drawing, each, channels) for each in pair]
    made = drawing.add("BinaryOp", blobs, {0: (BINARY[node.op_type],)})
    drawing.set(node, Tensor(made, channels, pair[0].order, pooled=all(each.pooled for each in pair)))


def _repeated(drawing: Drawing, x: Tensor, channels: int) -> str:
    return x.blob if x.channels == channels else _mixed(drawing, x, np.ones((channels, 1)))


def _mixed(drawing: Drawing, x: Tensor, matrix: np.ndarray) -> str:
    """A 1x1 convolution. Shapes: ``matrix`` (out, in)."""
    stated = {0: (float(len(matrix)),), 1: (1.0,), 6: (float(matrix.size),)}
    return drawing.add("Convolution", [x.blob], stated, weight=matrix.astype(np.float32)[:, :, None, None])


def reduced(drawing: Drawing, node: Any, how: How) -> None:
    """A sum or mean over the channels, or a mean over height and width."""
    x = drawing.plain(drawing.tensor(node.input[0]))
    axes = how.get("axes") or drawing.constant(node, 1, ()).tolist()
    letters = {x.axis(axis) for axis in axes} or {"H", "W"}  # GlobalAveragePool states none
    if not how.get("keepdims", 1):
        raise refused(node, "without keeping its axes")
    if letters == {"C"}:
        each = 1.0 if node.op_type == "ReduceSum" else 1 / x.channels
        blob = _mixed(drawing, x, np.full((1, x.channels), each))
        drawing.set(node, Tensor(blob, 1, x.order))
        return
    if letters != {"H", "W"} or node.op_type == "ReduceSum":
        raise refused(node, f"over {', '.join(sorted(letters))}")
    stated = {0: (MEAN,), 1: (0.0,), 3: (1.0, 2.0), 4: (1.0,), 5: (FIXED_AXES,)}
    drawing.set(node, replace(x, blob=drawing.add("Reduction", [x.blob], stated), pooled=True))


ARITHMETIC: Mapping[str, Callable[[Drawing, Any, How], None]] = {
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean", "ReduceSum"), reduced),
}
