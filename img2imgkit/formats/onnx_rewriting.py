"""Rewrite converted ONNX graphs into the operators that runtimes are fastest with, without changing what they compute.

The converter writes what TensorFlow's graph did, step by step: a parametric ReLU as five operators, a normalization of
each image as eight, a batch normalization as four behind its convolution. Every rewriting here replaces such a pattern
by one operator of the ONNX standard, or computes once what depends on weights only. Where a pattern does not match, the
graph stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.formats.onnx_graph import Graph, attributes_of

if TYPE_CHECKING:
    import onnx

GROWTH = 1 << 16  # bytes that a computed constant may be larger than what it is computed from
PLANES = ({2, 3}, {-1, -2}, {2, -1}, {3, -2})  # names of both axes of a picture, NCHW
Rewriting = Callable[[Graph, Any], bool]


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite a model in place, and return it."""
    graph = Graph(model)
    _compute_constants(graph)
    for rewriting in (_cropped, _prelu, _instance_norm, _affine_of_norm, _nearest, _merged_pads, _folded):
        _everywhere(graph, rewriting)
    graph.store()
    return model


def _everywhere(graph: Graph, rewriting: Rewriting) -> None:
    """Apply a rewriting until it changes nothing more."""
    changed = True
    while changed:
        changed = any([rewriting(graph, node) for node in list(graph.nodes) if _present(graph, node)])
        graph.drop_unread()


def _present(graph: Graph, node: Any) -> bool:
    return bool(node.output) and graph.makers.get(node.output[0]) is node


def _compute_constants(graph: Graph) -> None:
    """Compute what depends on constants only, such as a kernel divided by its largest singular value."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    kept = []
    for node in graph.nodes:
        inputs = [graph.constant(name) for name in node.input if name]
        if not inputs or any(each is None for each in inputs) or len(node.output) != 1 or _has_graphs(node):
            kept.append(node)
            continue
        given = {name: graph.constants[name] for name in node.input if name}
        model = onnx.helper.make_model(
            onnx.helper.make_graph(
                [node],
                "constant",
                [_value(name, array) for name, array in given.items()],
                [onnx.helper.make_empty_tensor_value_info(node.output[0])],
            ),
            opset_imports=graph.model.opset_import,
        )
        value = np.asarray(ReferenceEvaluator(model).run(None, given)[0])
        if value.nbytes > sum(each.nbytes for each in given.values()) + GROWTH:
            kept.append(node)
        else:
            graph.constants[node.output[0]] = value
    graph.nodes = kept
    graph.index()


def _value(name: str, array: np.ndarray) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _has_graphs(node: Any) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _prelu(graph: Graph, node: Any) -> bool:
    """Relu(x) - alpha * Relu(-x) is PRelu(x, alpha)."""
    if node.op_type != "Add":
        return False
    for positive, negative in (node.input, reversed(node.input)):
        relu, scaled = graph.maker(positive, "Relu"), graph.maker(negative, "Mul")
        if relu is None or scaled is None or (parts := graph.split(scaled)) is None:
            continue
        other = graph.maker(parts[0], "Relu")
        negated = graph.maker(other.input[0], "Neg") if other is not None else None
        channels = _per_channel(parts[1])
        if negated is not None and negated.input[0] == relu.input[0] and channels is not None:
            slope = graph.added(-channels.reshape(-1, 1, 1), f"{node.name}/slope")
            graph.replace(node, "PRelu", [relu.input[0], slope], node.output[0])
            return True
    return False


def _per_channel(value: np.ndarray) -> np.ndarray | None:
    """A constant of shape (1, C, 1, 1), or of one number, as (C,); None for other shapes."""
    if value.size == 1 or (value.ndim == 4 and value.shape[1] == value.size):
        return value.reshape(-1)
    if value.ndim == 3 and value.shape[0] == value.size:
        return value.reshape(-1)
    return None


def _instance_norm(graph: Graph, node: Any) -> bool:
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
        if (gamma := _per_channel(value)) is None:
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


def _affine_of_norm(graph: Graph, node: Any) -> bool:
    """Put a scale or shift of each channel behind InstanceNormalization into it."""
    if node.op_type != "InstanceNormalization":
        return False
    scale, shift = (graph.constants[name] for name in node.input[1:])
    reader = graph.only_reader(node.output[0])
    parts = graph.split(reader) if reader is not None and reader.op_type in ("Add", "Mul") else None
    value = _per_channel(parts[1]) if parts is not None else None
    if reader is None or value is None or (value.size not in (1, scale.size)):
        return False
    scale, shift = (scale * value, shift * value) if reader.op_type == "Mul" else (scale, shift + value)
    names = [graph.added(scale, f"{node.name}/scale"), graph.added(shift, f"{node.name}/shift")]
    epsilon = attributes_of(node)["epsilon"]
    graph.replace(reader, node.op_type, [node.input[0], *names], reader.output[0], epsilon=epsilon)
    return True


def _nearest(graph: Graph, node: Any) -> bool:
    """Copies of all channels, moved into space, are nearest-neighbour upsampling."""
    if node.op_type != "DepthToSpace":
        return False
    block = attributes_of(node)["blocksize"]
    turned = graph.maker(node.input[0], "Transpose")
    copies = graph.maker(turned.input[0] if turned is not None else node.input[0], "Concat")
    axis = 3 if turned is not None else 1
    if copies is None or attributes_of(copies)["axis"] != axis or [*copies.input] != [copies.input[0]] * block**2:
        return False
    x = copies.input[0]
    if turned is not None:
        if attributes_of(turned)["perm"] != [0, 3, 1, 2]:
            return False
        graph.replace(turned, "Transpose", [x], turned.output[0], perm=[0, 3, 1, 2])
        x = turned.output[0]
    scales = graph.added(np.array([1, 1, block, block], np.float32), f"{node.name}/scales")
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    graph.replace(node, "Resize", [x, "", scales], node.output[0], **how)
    return True


def _merged_pads(graph: Graph, node: Any) -> bool:
    """Two paddings that replicate the edge are one."""
    if node.op_type != "Pad" or attributes_of(node).get("mode") != b"edge":
        return False
    before = graph.maker(node.input[0], "Pad")
    if before is None or attributes_of(before).get("mode") != b"edge":
        return False
    widths = [graph.constant(each.input[1]) for each in (before, node)]
    if widths[0] is None or widths[1] is None:
        return False
    both = graph.added(widths[0] + widths[1], f"{node.name}/pads")
    graph.replace(node, "Pad", [before.input[0], both], node.output[0], mode="edge")
    return True


def _cropped(graph: Graph, node: Any) -> bool:
    """Rows and columns that are cut off behind a transposed convolution need not be computed."""
    made = graph.maker(node.input[0], "ConvTranspose") if node.op_type == "Slice" else None
    if made is None or graph.only_reader(made.output[0]) is None or len(node.input) not in (4, 5):
        return False
    values = [graph.constant(name) for name in node.input[1:]]
    if any(value is None for value in values):
        return False
    starts, ends, axes, steps = (value.tolist() for value in [*values, np.ones(len(values[0]), int)][:4])
    pads = list(attributes_of(made).get("pads", [0] * 4))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step != 1 or start < 0 or end < 1 << 30 or (start and axis not in (2, 3)):
            return False
        if start:
            pads[axis - 2] += start
    graph.replace(node, "ConvTranspose", made.input, node.output[0], **{**attributes_of(made), "pads": pads})
    return True


def _folded(graph: Graph, node: Any) -> bool:
    """Put a scale or shift of each channel behind a convolution, such as batch normalization's, into its weights."""
    if node.op_type not in ("Conv", "ConvTranspose") or attributes_of(node).get("group", 1) != 1:
        return False
    kernel = graph.constant(node.input[1])
    bias = graph.constant(node.input[2]) if len(node.input) > 2 else None
    reader = graph.only_reader(node.output[0])
    if kernel is None or reader is None or reader.op_type not in AFFINE or (len(node.input) > 2 and bias is None):
        return False
    parts = graph.split(reader)
    value = _per_channel(parts[1]) if parts is not None else None
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
    names = [
        graph.added(each, f"{node.name}/{name}") for each, name in zip(weights, ("kernel", "bias"), strict=True)
    ]
    graph.replace(reader, node.op_type, [node.input[0], *names], reader.output[0], **attributes_of(node))
    return True


AFFINE: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "Add": lambda value: (np.ones_like(value), value),
    "Sub": lambda value: (np.ones_like(value), -value),
    "Mul": lambda value: (value, np.zeros_like(value)),
    "Div": lambda value: (1 / value, np.zeros_like(value)),
}
