"""A graph of ncnn while it is made from an ONNX graph: its layers so far, and which blob each tensor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from img2imgkit_plugins.ncnn.made_layers import INPUT, MadeLayer
from img2imgkit_plugins.ncnn.parameters import Numbers

import img2imgkit as kit

if TYPE_CHECKING:
    import onnx

ADD, MULTIPLY = 0.0, 2.0  # operations of ncnn's layer BinaryOp
ROUNDING = 2.0**-22  # of factors that float32 constants were multiplied to


@dataclass(frozen=True)
class Tensor:
    """A tensor of the ONNX graph, which is a blob times a number plus a number.

    Attributes:
        blob: the blob's name; blobs are ordered (C, H, W)
        channels: the number of its channels
        order: the order of the tensor's axes at this point of the graph, "NCHW" or "NHWC"
        factor, added: the two numbers; they become layers only where an operator needs the values
        pooled: whether height and width are 1
    """

    blob: str
    channels: int
    order: str = "NCHW"
    factor: float = 1.0
    added: float = 0.0
    pooled: bool = False

    def axis(self, number: int) -> str:
        """The letter of an axis of the tensor, counted from its start or, if negative, from its end."""
        return self.order[number]


class Drawing:
    """The layers made so far.

    Attributes:
        layers: in order
        makers: the operator that makes each tensor of the ONNX graph, by the tensor's name
        alone: whether the model reads one picture at a time, so that the batch is an axis of length 1
    """

    def __init__(self, model: onnx.ModelProto, channels: int) -> None:
        import onnx

        self.layers = [MadeLayer("Input", [], [INPUT])]
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self._constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
        self._tensors = {model.graph.input[0].name: Tensor(INPUT, channels)}
        self.alone = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
        known = onnx.shape_inference.infer_shapes(model).graph
        self._shapes = {each.name: each.type.tensor_type.shape.dim for each in (*known.value_info, *known.input)}

    def tensor(self, name: str) -> Tensor:
        """A tensor that depends on the picture. Raises ExportError: it is a constant."""
        if name not in self._tensors:
            raise kit.ExportError(f"ncnn: a constant, {name!r}, where only tensors that depend on the picture can be")
        return self._tensors[name]

    def length(self, name: str, letter: str) -> int:
        """The length of a tensor's axis; 0 if it is open or not known."""
        x = self.tensor(name)
        if letter == "C":
            return x.channels
        dims = self._shapes.get(name, ())
        return int(dims[x.order.index(letter)].dim_value) if len(dims) == len(x.order) else 0

    def is_constant(self, name: str) -> bool:
        """Whether it is a constant; an input that an operator leaves out is none."""
        return name in self._constants

    def constant(self, node: Any, place: int, default: Any = None) -> np.ndarray:
        """An input of an operator that must be a constant.

        Raises:
            ExportError: it depends on the picture, or is missing and has no default.
        """
        name = node.input[place] if place < len(node.input) else ""
        if name in self._constants:
            return self._constants[name]
        if name or default is None:
            raise refused(node, f"its input {place} is not constant")
        return np.asarray(default)

    def first(self, node: Any, place: int = 0) -> Tensor:
        """An input of an operator that reads axes in ONNX's order, as a plain blob.

        Raises:
            ExportError: the tensor has another order at this point.
        """
        tensor = self.tensor(node.input[place])
        if tensor.order != "NCHW":
            raise refused(node, f"its input has the axes {tensor.order}")
        return self.plain(tensor)

    def plain(self, tensor: Tensor) -> Tensor:
        """The tensor as a blob itself, by layers that multiply and add."""
        for operation, number, none in ((MULTIPLY, tensor.factor, 1.0), (ADD, tensor.added, 0.0)):
            if abs(number - none) > ROUNDING:
                tensor = replace(tensor, blob=self.scalar(tensor.blob, operation, number))
        return replace(tensor, factor=1.0, added=0.0)

    def scalar(self, blob: str, operation: float, number: float) -> str:
        """The blob of an operation with one number."""
        return self.add("BinaryOp", [blob], {0: (operation,), 1: (1.0,), 2: (number,)})

    def add(self, kind: str, reads: list[str], stated: Mapping[int, Numbers], **arrays: np.ndarray) -> str:
        """Add a layer with one output; returns its blob."""
        blob = str(len(self.layers))
        self.layers.append(MadeLayer(kind, reads, [blob], dict(stated), arrays))
        return blob

    def add_several(self, kind: str, reads: list[str], count: int, stated: Mapping[int, Numbers]) -> list[str]:
        """Add a layer with several outputs; returns their blobs."""
        blobs = [f"{len(self.layers)}_{number}" for number in range(count)]
        self.layers.append(MadeLayer(kind, reads, blobs, dict(stated)))
        return blobs

    def maker(self, blob: str) -> MadeLayer:
        """The layer that makes a blob."""
        return next(layer for layer in self.layers if blob in layer.gives)

    def set(self, node: Any, *tensors: Tensor) -> None:
        """Tell what the outputs of an operator are."""
        self._tensors |= dict(zip(node.output, tensors, strict=True))


def refused(node: Any, why: str = "") -> kit.ExportError:
    """The error for an operator that cannot become a layer."""
    return kit.ExportError(f"ncnn cannot represent {node.op_type} here{f': {why}' if why else ''}")
