"""ONNX models in float16: half the size, and faster where the device computes in it.

Convolutions and matrix products compute in float16, and what only moves or combines their results does, too. Statistics
of normalizations stay float32, as do all operators behind the last convolution, so that the output is not rounded to 11
bits. Inputs and outputs keep their types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

PRODUCTS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
FOLLOWING = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Neg", "Where", "AveragePool", "MaxPool", "GlobalAveragePool"),
        *("Elu", "Gelu", "HardSigmoid", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Tanh"),
        *("Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Slice"),
        *("SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
    )
)
"""Operators that compute in float16 if one of their inputs does; squares do not."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with float16 inside."""
    import onnx

    typed = onnx.shape_inference.infer_shapes(model, data_prop=False)
    return _Halving(model, _floats(typed.graph)).model()


def _floats(graph: Any) -> set[str]:
    """Names of tensors that are float32."""
    import onnx

    told = [*graph.input, *graph.output, *graph.value_info]
    names = {each.name for each in told if each.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    return names | {each.name for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT}


class _Halving:
    """Goes through a graph once, from its inputs to its outputs."""

    def __init__(self, model: onnx.ModelProto, floats: set[str]) -> None:
        self.old, self.floats = model, floats
        self.weights = {each.name: each for each in model.graph.initializer}
        self.pinned = {each.name for each in model.graph.output} | set(_captured(model.graph))
        self.leading = self._leading()
        self.half: dict[str, str] = {}  # by a tensor's name, that of its float16 form
        self.single = {name: name for name in floats - {*_made(model.graph)}}  # likewise of its float32 form
        self.kept: set[str] = set()  # weights that something reads as float32
        self.nodes: list[Any] = []

    def model(self) -> onnx.ModelProto:
        """The new model."""
        import onnx

        for number, node in enumerate(self.old.graph.node):
            self._take(node, self._computes_in_half(node, number in self.leading))
        made = onnx.ModelProto()
        made.CopyFrom(self.old)
        del made.graph.node[:], made.graph.initializer[:], made.graph.value_info[:]
        made.graph.node.extend(self.nodes)
        for name, weight in self.weights.items():
            if name not in self.floats or name in self.kept or name in self.pinned:
                made.graph.initializer.append(weight)
            if name in self.half:
                array = onnx.numpy_helper.to_array(weight).astype(np.float16)
                made.graph.initializer.append(onnx.numpy_helper.from_array(array, self.half[name]))
        return made

    def _take(self, node: Any, in_half: bool) -> None:
        import onnx

        own = onnx.NodeProto()
        own.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in self.floats:
                own.input[place] = self._in_half(name) if in_half else self._in_single(name)
        self.nodes.append(own)
        for place, name in enumerate(node.output):
            if name not in self.floats:
                continue
            if not in_half:
                self.single[name] = name
                continue
            own.output[place] = self.half[name] = f"{name}/half"
            if name in self.pinned:
                self._in_single(name)

    def _computes_in_half(self, node: Any, leads: bool) -> bool:
        if not any(name in self.floats for name in node.output):
            return False
        if node.op_type in PRODUCTS:
            return True
        square = node.op_type == "Mul" and node.input[0] == node.input[1]
        if node.op_type not in FOLLOWING or square or not leads:
            return False
        return any(name in self.half and name not in self.weights for name in node.input)

    def _in_half(self, name: str) -> str:
        if name not in self.half:
            self.half[name] = f"{name}/half"
            if name not in self.weights:
                self._cast(name, self.half[name], "FLOAT16")
        return self.half[name]

    def _in_single(self, name: str) -> str:
        if name in self.weights:
            self.kept.add(name)
        if name not in self.single:
            self.single[name] = name
            self._cast(self.half[name], name, "FLOAT")
        return self.single[name]

    def _cast(self, given: str, made: str, dtype: str) -> None:
        import onnx

        to = getattr(onnx.TensorProto, dtype)
        self.nodes.append(onnx.helper.make_node("Cast", [given], [made], f"{made}/cast", to=to))

    def _leading(self) -> set[int]:
        """The numbers of the nodes whose results reach a product."""
        wanted: set[str] = set()
        found = set()
        for number, node in reversed([*enumerate(self.old.graph.node)]):
            if wanted.intersection(node.output):
                found.add(number)
            if node.op_type in PRODUCTS or number in found:
                wanted.update(node.input)
        return found


def _made(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield from node.output


def _captured(graph: Any) -> Iterator[str]:
    """Names that branches and loops read from outside."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                for inner in attribute.g.node:
                    yield from inner.input
                yield from (each.name for each in attribute.g.output)
                yield from _captured(attribute.g)
