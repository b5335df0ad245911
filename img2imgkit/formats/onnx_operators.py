"""TensorFlow operations that become shorter and faster ONNX operators than the converter writes for them.

Each handler replaces the converter's own where it knows that the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Handler = Callable[..., None]
LAYOUT = ((0, 3, 1, 2), (0, 2, 3, 1))  # from NHWC to NCHW, and back


def handlers(graph: Any) -> dict[str, tuple[Handler, list[Any]]]:
    """The handlers by the name of the TensorFlow operation, as ``tf2onnx`` accepts them.

    Args:
        graph: the ``GraphDef`` that will be converted, with its weights as constants
    """
    found: dict[str, tuple[Handler, list[Any]]] = {"MirrorPad": (_mirrored, []), "TopKV2": (_largest, [])}
    if _all_grow(graph):
        found["Conv2DBackpropInput"] = (_transposed_convolution, [])
    return found


def _default(context: Any, node: Any, kind: str) -> None:
    """Convert as the converter does by itself."""
    from tf2onnx.handler import tf_op

    function, options = tf_op.create_mapping(context.opset, [])[kind]
    node.type = options.get("onnx_op", node.type)
    function(context, node, **options)


def _all_grow(graph: Any) -> bool:
    """Whether all transposed convolutions enlarge their input by the stride, whatever its size, as Keras's layers do.

    They are not told apart: the converter renames them.
    """
    nodes = {node.name: node for node in graph.node}
    return all(_grows(nodes, node, PROBES) for node in graph.node if node.op == "Conv2DBackpropInput")


PROBES = (16, 17)  # sizes to compute the output's size with


def _grows(nodes: Mapping[str, Any], node: Any, probes: tuple[int, ...]) -> bool:
    kernel = nodes[_name(node.input[1])]
    while kernel.op == "Identity":
        kernel = nodes[_name(kernel.input[0])]
    if kernel.op != "Const":
        return False
    sides = [each.size for each in kernel.attr["value"].tensor.tensor_shape.dim][:2]
    strides = list(node.attr["strides"].list.i)[1:3]
    whole = node.attr["padding"].s == b"VALID"
    if any(side < stride for side, stride in zip(sides, strides, strict=True)):
        return False
    for size in probes:
        found = _numbers(nodes, node.input[0], size)
        wanted = [
            size * stride + (max(side - stride, 0) if whole else 0) for side, stride in zip(sides, strides, strict=True)
        ]
        if found is None or list(found[1:3]) != wanted:
            return False
    return True


def _numbers(nodes: Mapping[str, Any], name: str, size: int) -> np.ndarray | None:
    """The value of a tensor of integers if every size of an input is ``size``; None if that is not known."""
    import tensorflow as tf

    node = nodes[_name(name)]
    if node.op == "Const":
        return np.asarray(tf.make_ndarray(node.attr["value"].tensor))
    if node.op == "StridedSlice" and nodes[_name(node.input[0])].op == "Shape":
        return np.asarray(size)
    given = [_numbers(nodes, each, size) for each in node.input] if node.op in INTEGERS else [None]
    known = [each for each in given if each is not None]
    return INTEGERS[node.op](*known) if len(known) == len(given) else None


INTEGERS: Mapping[str, Callable[..., np.ndarray]] = {
    "Identity": lambda x: x,
    "Cast": lambda x: x,
    "Mul": np.multiply,
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Pack": lambda *each: np.stack(each),
}


def _name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _transposed_convolution(context: Any, node: Any, name: str, _: Any) -> None:
    """A transposed convolution whose output is its input's size times the stride, whatever that size is.

    The converter computes the padding from the sizes while the model runs.
    """
    _, kernel, image, *bias = node.input  # the converter puts the bias that follows into the node
    strides = list(node.get_attr("strides").ints)[1:3]
    sides = context.get_shape(kernel)[:2]
    kept = node.get_attr_value("padding") == b"SAME"
    spare = [side - stride if kept else 0 for side, stride in zip(sides, strides, strict=True)]
    pads = [*(each // 2 for each in spare), *(each - each // 2 for each in spare)]  # cut off before, and after
    shape, dtype = context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    to_first, to_last = LAYOUT
    turned = context.make_node("Transpose", [image], attr={"perm": to_first})
    weights = context.make_node("Transpose", [kernel], attr={"perm": (3, 2, 0, 1)})
    attributes = {"strides": strides, "kernel_shape": list(sides), "pads": pads}
    made = context.make_node("ConvTranspose", [turned.output[0], weights.output[0], *bias], attr=attributes)
    _replace(context, node, "Transpose", [made.output[0]], {"perm": to_last}, shape, dtype)


def _mirrored(context: Any, node: Any, name: str, _: Any) -> None:
    """Mirrored padding. Symmetric padding by one pixel replicates the edge, which ONNX has an operator for."""
    widths = np.asarray(node.inputs[1].get_tensor_value())
    mode = node.get_attr_value("mode").decode().lower()
    if mode == "symmetric" and widths.max() > 1:
        _default(context, node, "MirrorPad")
        return
    shape, dtype = context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    pads = context.make_const(f"{node.name}/pads", widths.T.ravel().astype(np.int64)).output[0]
    attributes = {"mode": {"symmetric": "edge"}.get(mode, mode)}
    _replace(context, node, "Pad", [node.input[0], pads], attributes, shape, dtype)


def _largest(context: Any, node: Any, name: str, _: Any) -> None:
    """The largest integers, which the converter would compare as float32, where different ones may be equal."""
    from onnx import TensorProto

    if context.get_dtype(node.input[0]) != TensorProto.INT32:
        _default(context, node, "TopKV2")
        return
    values, count = node.input
    outputs, shapes = list(node.output), list(node.output_shapes)
    whole = context.make_node("Cast", [count], attr={"to": TensorProto.INT64})
    one = context.make_const(f"{node.name}/one", np.array([1], np.int64)).output[0]
    listed = context.make_node("Reshape", [whole.output[0], one])
    context.remove_node(node.name)
    places = f"{node.name}/places"
    types = [TensorProto.INT32, TensorProto.INT64]
    context.make_node("TopK", [values, listed.output[0]], outputs=[outputs[0], places], shapes=shapes, dtypes=types)
    cast = {"attr": {"to": TensorProto.INT32}, "shapes": [shapes[1]], "dtypes": [TensorProto.INT32]}
    context.make_node("Cast", [places], outputs=[outputs[1]], **cast)


def _replace(
    context: Any, node: Any, kind: str, inputs: list[str], attributes: Mapping[str, Any], shape: Any, dtype: Any
) -> None:
    """Put one new operator in the place of a node, with the same outputs."""
    outputs = list(node.output)
    context.remove_node(node.name)
    context.make_node(kind, inputs, attr=dict(attributes), outputs=outputs, shapes=[shape], dtypes=[dtype])
