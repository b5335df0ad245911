"""What each ONNX operator becomes in ncnn; every other operator is refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from img2imgkit_plugins.ncnn.arithmetic import ARITHMETIC
from img2imgkit_plugins.ncnn.axes import AXES
from img2imgkit_plugins.ncnn.drawing import Drawing, Tensor, refused
from img2imgkit_plugins.ncnn.made_layers import MadeLayer, padding
from img2imgkit_plugins.ncnn.parameters import Numbers

import img2imgkit as kit

if TYPE_CHECKING:
    import onnx

How = Mapping[str, Any]
SAME = -233.0  # padding that keeps the size, divided by the stride, with the odd pixel at the end
PAD_TYPES = {b"constant": 0.0, b"edge": 1.0, b"reflect": 2.0}
CROP_AXES = {"C": 0.0, "H": 1.0, "W": 2.0}
TO_END = float(2**31 - 1)
EDGES = {(0.0, 1.0): "first", (-1.0, TO_END): "last", (-1.0, 0.0): "last"}  # by the start and the end of a slice
RESIZED = {b"nearest": (1.0, b"asymmetric"), b"linear": (2.0, b"half_pixel")}  # ncnn's number, and how it samples


def drawn(model: onnx.ModelProto, channels: int) -> tuple[list[MadeLayer], str]:
    """The layers that compute what an ONNX graph of one input and one output computes, and the output's blob.

    Args:
        channels: channels of the input, whose axes are (N, C, H, W)

    Raises:
        ExportError: an operator, or its use, has no counterpart; it is named.
    """
    import onnx

    drawing = Drawing(model, channels)
    for node in model.graph.node:
        if node.op_type not in OPERATORS:
            known = ", ".join(sorted(OPERATORS))
            raise kit.ExportError(f"ncnn: the operator {node.op_type} is not supported; supported are {known}")
        how = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        OPERATORS[node.op_type](drawing, node, how)
    output = drawing.tensor(model.graph.output[0].name)
    if output.order != "NCHW":
        raise kit.ExportError(f"ncnn: the output has the axes {output.order}")
    return drawing.layers, drawing.plain(output).blob


def _convolution(drawing: Drawing, node: Any, how: How) -> None:
    """Weights: (out, in / groups, h, w), as in PyTorch."""
    kernel, groups = drawing.constant(node, 1), how.get("group", 1)
    stated = {**_window(node, kernel, how), **_size(kernel, len(kernel), drawing, node)}
    kind = "Convolution" if groups == 1 else "ConvolutionDepthWise"
    stated |= {7: (float(groups),)} if groups > 1 else {}
    _weighted(drawing, node, kind, stated, kernel, len(kernel))


def _transposed_convolution(drawing: Drawing, node: Any, how: How) -> None:
    """Weights: (in, out, h, w), as in PyTorch."""
    kernel = drawing.constant(node, 1)
    if how.get("group", 1) != 1 or any(how.get("output_padding", ())) or "output_shape" in how:
        raise refused(node, "groups and stated output sizes are not supported")
    stated = {**_window(node, kernel, how), **_size(kernel, kernel.shape[1], drawing, node)}
    _weighted(drawing, node, "Deconvolution", stated, kernel, kernel.shape[1])


def _weighted(
    drawing: Drawing, node: Any, kind: str, stated: Mapping[int, Numbers], kernel: np.ndarray, filters: int
) -> None:
    bias = {"bias": drawing.constant(node, 2)} if len(node.input) > 2 and node.input[2] else {}
    x = drawing.first(node)
    blob = drawing.add(kind, [x.blob], stated, weight=kernel, **bias)
    drawing.set(node, Tensor(blob, filters, pooled=x.pooled and kernel.shape[2:] == (1, 1)))


def _size(kernel: np.ndarray, filters: int, drawing: Drawing, node: Any) -> dict[int, Numbers]:
    """The parameters that count weights."""
    biased = len(node.input) > 2 and bool(node.input[2])
    return {0: (float(filters),), **({5: (1.0,)} if biased else {}), 6: (float(kernel.size),)}


def _window(node: Any, kernel: np.ndarray, how: How) -> dict[int, Numbers]:
    """Size, dilation, stride and padding; what is the same in both directions is stated once."""
    if kernel.ndim != 4:
        raise refused(node, f"its kernel has {kernel.ndim} axes")
    strides, dilations = ([*how.get(name, (1, 1))] for name in ("strides", "dilations"))
    stated: dict[int, Numbers] = {}
    for key, (down, across), default in ((1, kernel.shape[2:], 0), (2, dilations, 1), (3, strides, 1)):
        if across != default:
            stated[key] = (float(across),)
        if down != across:
            stated[key + 10] = (float(down),)
    pads = _pads(node, kernel.shape[2:], strides, dilations, how)
    return stated | (padding(*pads) if any(pads) else {})


def _pads(node: Any, sides: Any, strides: list[int], dilations: list[int], how: How) -> tuple[float, ...]:
    """Left, right, top, bottom."""
    automatic = how.get("auto_pad", b"NOTSET")
    if automatic in (b"NOTSET", b"VALID"):
        top, left, bottom, right = how.get("pads", (0,) * 4) if automatic == b"NOTSET" else (0,) * 4
        return (left, right, top, bottom)
    if automatic != b"SAME_UPPER" or node.op_type != "Conv":
        raise refused(node, f"its padding is {automatic.decode()}")
    if strides != [1, 1]:
        return (SAME,) * 4
    (tall, wide) = ((side - 1) * step for side, step in zip(sides, dilations, strict=True))
    return (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2)


def _leaky(drawing: Drawing, node: Any, how: How) -> None:
    slope = how.get("alpha", 0.01) if node.op_type == "LeakyRelu" else 0.0
    _pointwise(drawing, node, "ReLU", {0: (float(slope),)} if slope else {})


def _prelu(drawing: Drawing, node: Any, how: How) -> None:
    x = drawing.plain(drawing.tensor(node.input[0]))
    slopes = drawing.constant(node, 1)
    slopes = slopes.reshape((1,) * (4 - slopes.ndim) + slopes.shape)
    if slopes.size not in (1, x.channels) or slopes.shape[x.order.index("C")] != slopes.size:
        raise refused(node, "its slopes differ within a channel")
    stated = {0: (float(slopes.size),)}
    drawing.set(node, replace(x, blob=drawing.add("PReLU", [x.blob], stated, weight=slopes.ravel())))


def _named(kind: str) -> Callable[[Drawing, Any, How], None]:
    """An operator on each number that ncnn has under another name."""
    return lambda drawing, node, how: _pointwise(drawing, node, kind, {})


def _pointwise(drawing: Drawing, node: Any, kind: str, stated: Mapping[int, Numbers]) -> None:
    x = drawing.plain(drawing.tensor(node.input[0]))
    drawing.set(node, replace(x, blob=drawing.add(kind, [x.blob], stated)))


def _clip(drawing: Drawing, node: Any, how: How) -> None:
    low, high = (float(drawing.constant(node, place, end)) for place, end in ((1, -3e38), (2, 3e38)))
    _pointwise(drawing, node, "Clip", {0: (low,), 1: (high,)})


def _identity(drawing: Drawing, node: Any, how: How) -> None:
    drawing.set(node, drawing.tensor(node.input[0]))


def _concat(drawing: Drawing, node: Any, how: How) -> None:
    tensors = [drawing.tensor(name) for name in node.input]
    axis = tensors[0].axis(how["axis"])
    if len({each.order for each in tensors}) > 1:
        raise refused(node, "of tensors with their axes in different orders")
    if axis == "C":
        plain = [drawing.plain(each) for each in tensors]
        blob = drawing.add("Concat", [each.blob for each in plain], {})
        drawing.set(node, Tensor(blob, sum(each.channels for each in plain), plain[0].order))
        return
    names = [*node.input]
    middle = next((name for name in names if names.count(name) == 1 and _edge(drawing, name) is None), "")
    place = names.index(middle) if middle else 0
    edges = [_edge(drawing, name) for name in names]
    first, last = (middle, axis, "first"), (middle, axis, "last")
    if not middle or {*edges[:place]} - {first} or {*edges[place + 1 :]} - {last}:
        raise refused(node, f"along the axis {axis}")
    x = drawing.plain(drawing.tensor(middle))
    _padded(drawing, node, x, {axis: (place, len(names) - place - 1)}, PAD_TYPES[b"edge"])


def _edge(drawing: Drawing, name: str) -> tuple[str, str, str] | None:
    """Of which tensor, on which axis and side, if a tensor is the first or last row or column of another one."""
    node = drawing.makers.get(name)
    if node is None or node.op_type != "Slice":
        return None
    ranges = [(axis, EDGES.get(ends)) for axis, ends in _ranges(drawing, node).items()]
    if len(ranges) != 1 or ranges[0][1] is None:
        return None
    return (node.input[0], ranges[0][0], ranges[0][1])


def _ranges(drawing: Drawing, node: Any) -> dict[str, tuple[float, float]]:
    """Start and end on each axis that a slice cuts; counted from the end if negative."""
    x = drawing.tensor(node.input[0])
    starts, ends = (drawing.constant(node, place).tolist() for place in (1, 2))
    axes = drawing.constant(node, 3, range(len(starts))).tolist()
    steps = drawing.constant(node, 4, [1] * len(starts)).tolist()
    if any(step != 1 for step in steps):
        raise refused(node, "with steps")
    found = zip(axes, starts, ends, strict=True)
    every = {x.axis(axis): (float(start), min(float(end), TO_END)) for axis, start, end in found}
    return {axis: ends for axis, ends in every.items() if ends != (0.0, TO_END)}


def _slice(drawing: Drawing, node: Any, how: How) -> None:
    x, ranges = drawing.tensor(node.input[0]), _ranges(drawing, node)
    if not ranges:
        drawing.set(node, x)
        return
    if unknown := sorted(ranges.keys() - CROP_AXES.keys()):
        raise refused(node, f"along the axis {unknown[0]}")
    x = drawing.plain(x)
    starts, ends = zip(*ranges.values(), strict=True)
    stated = {9: starts, 10: ends, 11: tuple(CROP_AXES[axis] for axis in ranges)}
    channels = len(range(x.channels)[slice(*map(int, ranges["C"]))]) if "C" in ranges else x.channels
    drawing.set(node, replace(x, blob=drawing.add("Crop", [x.blob], stated), channels=channels))


def _split(drawing: Drawing, node: Any, how: How) -> None:
    x = drawing.plain(drawing.tensor(node.input[0]))
    if x.axis(how.get("axis", 0)) != "C":
        raise refused(node, f"along the axis {x.axis(how.get('axis', 0))}")
    equal = [x.channels // len(node.output)] * len(node.output)
    sizes = tuple(map(float, drawing.constant(node, 1, equal).tolist()))
    blobs = drawing.add_several("Slice", [x.blob], len(sizes), {0: sizes})
    drawing.set(node, *(replace(x, blob=blob, channels=int(size)) for blob, size in zip(blobs, sizes, strict=True)))


def _pad(drawing: Drawing, node: Any, how: How) -> None:
    x = drawing.plain(drawing.tensor(node.input[0]))
    mode = how.get("mode", b"constant")
    if mode not in PAD_TYPES or len(node.input) > 3:
        raise refused(node, mode.decode())
    before, after = drawing.constant(node, 1).reshape(2, 4).tolist()
    widths = {axis: ends for axis, *ends in zip(x.order, before, after, strict=True) if any(ends)}
    if unknown := sorted(widths.keys() - {"H", "W"}):
        raise refused(node, f"along the axis {unknown[0]}")
    if min([0, *before, *after]) < 0:
        raise refused(node, "with negative widths")
    _padded(drawing, node, x, widths, PAD_TYPES[mode], float(drawing.constant(node, 2, 0.0)))


def _padded(drawing: Drawing, node: Any, x: Tensor, widths: Mapping[str, Any], kind: float, value: float = 0.0) -> None:
    """Pad; two paddings in a row that replicate the edge are one."""
    (top, bottom), (left, right) = (widths.get(axis, (0, 0)) for axis in "HW")
    sides, source = np.array([top, bottom, left, right], float), x.blob
    before = drawing.maker(x.blob)
    if before.kind == "Padding" and before.stated[4] == (kind,) == (PAD_TYPES[b"edge"],):
        sides, source = sides + [before.stated[key][0] for key in range(4)], before.reads[0]
    stated = {**{key: (float(side),) for key, side in enumerate(sides)}, 4: (kind,), 5: (value,)}
    drawing.set(node, replace(x, blob=drawing.add("Padding", [source], stated)))


def _depth_to_space(drawing: Drawing, node: Any, how: How) -> None:
    x, block = drawing.first(node), how["blocksize"]
    stated = {0: (float(block),), **({} if how.get("mode") == b"CRD" else {1: (1.0,)})}
    drawing.set(node, Tensor(drawing.add("PixelShuffle", [x.blob], stated), x.channels // block**2))


def _space_to_depth(drawing: Drawing, node: Any, how: How) -> None:
    x, block = drawing.first(node), how["blocksize"]
    blob = drawing.add("Reorg", [x.blob], {0: (float(block),), 1: (1.0,)})
    drawing.set(node, Tensor(blob, x.channels * block**2))


def _resize(drawing: Drawing, node: Any, how: How) -> None:
    x, mode = drawing.first(node), how.get("mode", b"nearest")
    scales = drawing.constant(node, 2).tolist()
    number, sampled = RESIZED.get(mode, (0.0, b""))
    floor = mode != b"nearest" or how.get("nearest_mode") == b"floor"
    if how.get("coordinate_transformation_mode", b"half_pixel") != sampled or how.get("antialias") or not floor:
        raise refused(node, f"{mode.decode()} with other places of samples than ncnn's")
    if len(scales) != 4 or scales[:2] != [1, 1]:
        raise refused(node, f"by {scales}")
    stated = {0: (number,), 1: (scales[2],), 2: (scales[3],)}
    drawing.set(node, replace(x, blob=drawing.add("Interp", [x.blob], stated)))


OPERATORS: Mapping[str, Callable[[Drawing, Any, How], None]] = {
    **ARITHMETIC,
    **AXES,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "DepthToSpace": _depth_to_space,
    "Identity": _identity,
    "LeakyRelu": _leaky,
    "PRelu": _prelu,
    "Pad": _pad,
    "Relu": _leaky,
    "Resize": _resize,
    "Sigmoid": _named("Sigmoid"),
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Tanh": _named("TanH"),
}
