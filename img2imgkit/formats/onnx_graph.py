"""An ONNX graph to rewrite: who makes each tensor, who reads it, and which tensors are constants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx


class Graph:
    """A view of a model's main graph; ``store`` writes the changes into the model.

    Attributes:
        nodes: the operators in an order in which they can run
        constants: the arrays of initializers by name
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        import onnx

        self.model = model
        self.nodes: list[Any] = list(model.graph.node)
        self.constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
        self.outputs = {each.name for each in model.graph.output}
        self._fresh = 0
        self.index()

    def index(self) -> None:
        """Look up makers and readers again, after nodes have changed."""
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[Any]] = defaultdict(list)
        for node in self.nodes:
            for name in {*node.input, *_inner_inputs(node)}:
                self.readers[name].append(node)

    def constant(self, name: str) -> np.ndarray | None:
        """The value of a constant; None for every other tensor."""
        return self.constants.get(name)

    def maker(self, name: str, kind: str) -> Any | None:
        """The operator that makes a tensor, if it is of this kind."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == kind else None

    def only_reader(self, name: str, kind: str | None = None) -> Any | None:
        """The operator that alone reads a tensor, if there is one and it is of this kind."""
        readers = self.readers.get(name, [])
        if name in self.outputs or len(readers) != 1 or (kind and readers[0].op_type != kind):
            return None
        return readers[0]

    def split(self, node: Any) -> tuple[str, np.ndarray] | None:
        """The tensor and the constant that an operator of two inputs combines, in either order."""
        if len(node.input) != 2:
            return None
        for own, other in (node.input, reversed(node.input)):
            if own not in self.constants and (value := self.constant(other)) is not None:
                return own, value
        return None

    def added(self, value: np.ndarray, about: str) -> str:
        """Add a constant; returns its name."""
        self._fresh += 1
        name = f"{about}/{self._fresh}"
        self.constants[name] = value
        return name

    def replace(self, node: Any, kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> None:
        """Put a new operator in the place of a node; the nodes that nobody reads any more are dropped by ``store``."""
        import onnx

        place = next(number for number, each in enumerate(self.nodes) if each is node)
        self.nodes[place] = onnx.helper.make_node(kind, [*inputs], [output], f"{node.name}/{kind}", **attributes)
        self.index()

    def expand(self, node: Any, *news: tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]) -> None:
        """Put several operators (kind, inputs, outputs, attributes) in the place of a node, in this order."""
        import onnx

        place = next(number for number, each in enumerate(self.nodes) if each is node)
        self.nodes[place : place + 1] = [
            onnx.helper.make_node(kind, [*inputs], [*outputs], f"{node.name}/{kind}_{number}", **attributes)
            for number, (kind, inputs, outputs, attributes) in enumerate(news)
        ]
        self.index()

    def rename(self, old: str, new: str) -> None:
        """Make all readers of a tensor, which is no output, read another one with the same value."""
        for node in self.readers[old]:
            for number, name in enumerate(node.input):
                if name == old:
                    node.input[number] = new
        self.index()

    def drop_unread(self) -> None:
        """Remove operators and constants on which no output depends."""
        wanted, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input, _inner_inputs(node))
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: value for name, value in self.constants.items() if name in wanted}
        self.index()

    def store(self) -> None:
        """Write the graph back into the model."""
        import onnx

        self.drop_unread()
        graph = self.model.graph
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self.nodes]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(
            onnx.numpy_helper.from_array(np.ascontiguousarray(value) if value.ndim else value, name)
            for name, value in self.constants.items()
        )


def attributes_of(node: Any) -> Mapping[str, Any]:
    """The attributes of an operator as Python values."""
    import onnx

    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def per_channel(value: np.ndarray) -> np.ndarray | None:
    """A constant of shape (1, C, 1, 1), or of one number, as (C,); None for other shapes."""
    if value.size == 1 or (value.ndim == 4 and value.shape[1] == value.size):
        return value.reshape(-1)
    if value.ndim == 3 and value.shape[0] == value.size:
        return value.reshape(-1)
    return None


def _inner_inputs(node: Any) -> set[str]:
    """Names that the branches and loops of an operator read."""
    return {
        name
        for attribute in node.attribute
        for graph in ([attribute.g] if attribute.HasField("g") else attribute.graphs)
        for inner in graph.node
        for name in (*inner.input, *_inner_inputs(inner))
    }
