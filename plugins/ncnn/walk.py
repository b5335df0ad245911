"""Following the values of a graph from input to output, along the layers of a network that it may compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.values import Values

CLIPPED = ("clipped", 0.0, 1.0)


@dataclass(frozen=True)
class Recognised:
    """A graph's network.

    Attributes:
        network: name of its architecture
        options: arguments that follow from layers without weights
        layers: layers with weights, by module name in the official PyTorch code
        folded: factors that are part of a module's weights in the file, but not of the network's
        resized: method and factor by which the file resizes the output; None: not resized
    """

    network: str
    options: Mapping[str, Any]
    layers: Mapping[str, Layer]
    folded: Mapping[str, float]
    resized: tuple[str, float] | None = None


class Differs(Exception):
    """Where a graph differs from the network that it is compared with."""


class Walk:
    """A walk through a graph that collects layers with weights."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.visited: dict[str, Layer] = {}
        self.folded: dict[str, float] = {}

    def layer(self, operation: str, source: int, name: str) -> int:
        """Return the output of the only layer of that kind that reads a value, and record it under the module's name.

        Raises:
            Differs: there is no such layer, or several.
        """
        found = self.values.readers(operation, source)
        if len(found) != 1:
            raise Differs(f"{self._place(source)} is read by {len(found)} layers of type {operation}, expected one")
        self.visited[name] = self.values.layers[found[0]]
        return found[0]

    def value(self, operation: str, *settings: Any) -> int:
        """Return the value of an operation.

        Raises:
            Differs: there is no such operation.
        """
        found = self.values.find(operation, *settings)
        if found is None:
            last = list(self.visited.values())[-1].name
            raise Differs(f"the expected {operation} after layer {last!r} is missing")
        return found

    def finish(self, end: int) -> tuple[str, float] | None:
        """Return how the network's output is resized, if at all.

        Raises:
            Differs: the graph does anything else, or has unused layers with weights.
        """
        left = {layer.name for layer in self.values.layers.values()} - {layer.name for layer in self.visited.values()}
        if left:
            raise Differs(f"layer {sorted(left)[0]!r} is not part of it")
        output = self.values.output
        if self.values.keys[output][:-1] == CLIPPED:  # as a bundle's output is, too
            output = self.values.keys[output][-1]
        if end == output:
            return None
        operation, *settings = self.values.keys[output]
        if operation != "resized" or settings[-1] != end:
            raise Differs(f"its output is followed by {operation}")
        return settings[0], settings[1]

    def _place(self, value: int) -> str:
        operation, *settings = self.values.keys[value]
        return f"the output of layer {settings[0]!r}" if value in self.values.layers else f"a {operation}"
