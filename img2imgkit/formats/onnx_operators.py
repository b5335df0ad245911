"""TensorFlow operations that become shorter and faster ONNX operators than the converter writes for them.

Each handler replaces the converter's own. What it assumes is what Keras's layers do; the proof of every export would
show it if a graph did something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Handler = Callable[..., None]
LAYOUT = ((0, 3, 1, 2), (0, 2, 3, 1))  # from NHWC to NCHW, and back


def handlers() -> Mapping[str, tuple[Handler, list[Any]]]:
    """The handlers by the name of the TensorFlow operation, as ``tf2onnx`` accepts them."""
    return {"Conv2DBackpropInput": (_transposed_convolution, []), "MirrorPad": (_mirrored, [])}


def _transposed_convolution(context: Any, node: Any, name: str, _: Any) -> None:
    """A transposed convolution whose output is its input's size times the stride, whatever that size is.

    The converter computes the padding from the sizes while the model runs.
    """
    kernel, image = node.input[1], node.input[2]
    strides = list(node.get_attr("strides").ints)[1:3]
    sides = context.get_shape(kernel)[:2]
    kept = node.get_attr_value("padding") == b"SAME"
    before, after, extra = zip(*map(_cut if kept else _whole, sides, strides), strict=True)
    shape, dtype = context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    to_first, to_last = LAYOUT
    turned = context.make_node("Transpose", [image], attr={"perm": to_first})
    weights = context.make_node("Transpose", [kernel], attr={"perm": (3, 2, 0, 1)})
    attributes = {
        "strides": strides,
        "kernel_shape": list(sides),
        "pads": [*before, *after],
        "output_padding": list(extra),
    }
    made = context.make_node("ConvTranspose", [turned.output[0], weights.output[0]], attr=attributes)
    _replace(context, node, "Transpose", [made.output[0]], {"perm": to_last}, shape, dtype)


def _cut(side: int, stride: int) -> tuple[int, int, int]:
    """What TensorFlow's padding "SAME" cuts off before and after, and rows of zeros if the kernel is too small."""
    spare = max(0, side - stride)
    return spare // 2, spare - spare // 2, max(0, stride - side)


def _whole(side: int, stride: int) -> tuple[int, int, int]:
    return 0, 0, max(0, stride - side)


def _mirrored(context: Any, node: Any, name: str, _: Any) -> None:
    """Mirrored padding. Symmetric padding by one pixel replicates the edge, which ONNX has an operator for."""
    widths = np.asarray(node.inputs[1].get_tensor_value())
    mode = node.get_attr_value("mode").decode().lower()
    if mode == "symmetric" and widths.max() > 1:
        from tf2onnx.onnx_opset.nn import Pad

        Pad.version_18(context, node)
        return
    shape, dtype = context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    pads = context.make_const(f"{node.name}/pads", widths.T.ravel().astype(np.int64)).output[0]
    attributes = {"mode": {"symmetric": "edge"}.get(mode, mode)}
    _replace(context, node, "Pad", [node.input[0], pads], attributes, shape, dtype)


def _replace(
    context: Any, node: Any, kind: str, inputs: list[str], attributes: Mapping[str, Any], shape: Any, dtype: Any
) -> None:
    """Put one new operator in the place of a node, with the same outputs."""
    outputs = list(node.output)
    context.remove_node(node.name)
    context.make_node(kind, inputs, attr=dict(attributes), outputs=outputs, shapes=[shape], dtypes=[dtype])
