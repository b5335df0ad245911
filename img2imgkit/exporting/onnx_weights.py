"""Weights beside the graph while it is converted: the converter copies what is in the graph many times over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

LARGE = 1 << 18  # bytes; smaller constants may be what the converter must know, such as sizes


def taken_out(graph: Any) -> dict[str, np.ndarray]:
    """Make each large constant of a GraphDef, which is changed, an input; the arrays by the inputs' names."""
    import tensorflow as tf

    found = {}
    for node in graph.node:
        if node.op == "Const" and len(node.attr["value"].tensor.tensor_content) >= LARGE:
            array = tf.make_ndarray(node.attr["value"].tensor)
            kind = node.attr["value"].tensor.dtype
            for key in list(node.attr):
                del node.attr[key]
            node.op = "Placeholder"
            node.attr["dtype"].type = kind
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
            found[node.name] = array
    return found


def put_back(model: onnx.ModelProto, arrays: Mapping[str, np.ndarray]) -> None:
    """Make those inputs of a converted model its weights, in the order of axes that their only reader wants."""
    import onnx

    graph, weights = model.graph, {f"{name}:0": array for name, array in arrays.items()}
    readers = Counter(name for node in graph.node for name in node.input)
    for node in list(graph.node):
        if node.op_type == "Transpose" and node.input[0] in weights and readers[node.input[0]] == 1:
            array = weights.pop(node.input[0])
            weights[node.output[0]] = np.ascontiguousarray(array.transpose(node.attribute[0].ints))
            graph.node.remove(node)
    ports = [port for port in graph.input if port.name.removesuffix(":0") not in arrays]
    copies = [type(port).FromString(port.SerializeToString()) for port in ports]
    del graph.input[:]
    graph.input.extend(copies)
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
