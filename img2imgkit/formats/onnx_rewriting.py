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

from img2imgkit.formats.onnx_graph import Graph, attributes_of, per_channel
from img2imgkit.formats.onnx_layouts import (
    pointwise_before_transpose,
    split_before_transpose,
    without_double_transpose,
)
from img2imgkit.formats.onnx_norms import affine_of_norm, folded, instance_norm

if TYPE_CHECKING:
    import onnx

GROWTH = 1 << 16  # bytes that a computed constant may be larger than what it is computed from
Rewriting = Callable[[Graph, Any], bool]


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite a model in place, and return it."""
    graph = Graph(model)
    _compute_constants(graph)
    for rewriting in REWRITINGS:
        _everywhere(graph, rewriting)
    graph.store()
    return model


def _everywhere(graph: Graph, rewriting: Rewriting) -> None:
    """Apply a rewriting until it changes nothing more."""
    changed = 1
    while changed:
        changed = sum(rewriting(graph, node) for node in list(graph.nodes) if _present(graph, node))
        graph.drop_unread()


def _present(graph: Graph, node: Any) -> bool:
    return bool(node.output) and graph.makers.get(node.output[0]) is node


def _compute_constants(graph: Graph) -> None:
    """Compute what depends on constants only, such as a kernel divided by its largest singular value."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    kept = []
    for node in graph.nodes:
        given = {name: graph.constants[name] for name in node.input if name in graph.constants}
        if not given or {*filter(None, node.input)} - given.keys() or len(node.output) != 1 or _has_graphs(node):
            kept.append(node)
            continue
        model = onnx.helper.make_model(
            onnx.helper.make_graph(
                [node],
                "constant",
                [_value(name, array) for name, array in given.items()],
                [onnx.helper.make_empty_tensor_value_info(node.output[0])],
            ),
            opset_imports=graph.model.opset_import,
        )
        (made,) = ReferenceEvaluator(model).run(None, given)
        value = np.asarray(made)
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
        channels = per_channel(parts[1])
        if negated is not None and negated.input[0] == relu.input[0] and channels is not None:
            slope = graph.added(-channels.reshape(-1, 1, 1), f"{node.name}/slope")
            graph.replace(node, "PRelu", [relu.input[0], slope], node.output[0])
            return True
    return False


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
    values = [graph.constants[name] for name in node.input[1:] if name in graph.constants]
    if len(values) != len(node.input) - 1:
        return False
    starts, ends, axes, steps = (value.tolist() for value in [*values, np.ones_like(values[0])][:4])
    pads = list(attributes_of(made).get("pads", [0] * 4))
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step != 1 or start < 0 or end < 1 << 30 or (start and axis not in (2, 3)):
            return False
        if start:
            pads[axis - 2] += start
    graph.replace(node, "ConvTranspose", made.input, node.output[0], **{**attributes_of(made), "pads": pads})
    return True


REWRITINGS: tuple[Rewriting, ...] = (
    *(split_before_transpose, pointwise_before_transpose, without_double_transpose, _cropped, _prelu),
    *(instance_norm, affine_of_norm, _nearest, _merged_pads, folded),
)
