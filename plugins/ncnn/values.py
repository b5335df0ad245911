"""The values of a graph: each blob as an operation on other values.

Equal operations on equal values are one value, independent of blob names and splits. A network can therefore be
recognised by looking up the values that it would compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit_plugins.ncnn.graph import Layer

import img2imgkit as kit

DIGITS = 6  # of slopes and factors that are compared; files state them in decimal
Key = tuple[Any, ...]
"""An operation, its settings, and the numbers of its input values."""


class Values:
    """The values of a graph, numbered in order; 0 is the input picture.

    Attributes:
        keys: the operation of each value
        layers: layers with weights, by output value
        output: the network's output value
    """

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.layers: dict[int, Layer] = {}
        self._channels: list[int | None] = []  # None: the channels of the picture, unknown
        self._numbers: dict[Key, int] = {}
        self._readers: dict[tuple[str, int], list[int]] = {}
        self.output = 0

    def find(self, operation: str, *settings: Any) -> int | None:
        """Return the value of an operation, or None. For ``sum`` see ``total``."""
        return self._numbers.get((operation, *settings))

    def readers(self, operation: str, source: int) -> list[int]:
        """Return the outputs of such operations that read a value, alone or with others."""
        return self._readers.get((operation, source), [])

    def make(self, sources: Sequence[int], channels: int | None, operation: str, *settings: Any) -> int:
        """Return the number of an operation's value, a new one if the value is new."""
        key = (operation, *settings)
        if key not in self._numbers:
            self._numbers[key] = len(self.keys)
            self.keys.append(key)
            self._channels.append(channels)
            for source in set(sources):
                self._readers.setdefault((operation, source), []).append(self._numbers[key])
        return self._numbers[key]

    def channels_of(self, source: int) -> int | None:
        """Return the number of channels of a value; None: as many as the picture has."""
        return self._channels[source]

    def channels(self, layer: Layer, source: int, expected: int | None = None) -> int | None:
        """Return the number of channels of a value.

        Raises:
            InteropError: it is not the expected one.
        """
        found = self.channels_of(source)
        if expected is not None and found is not None and found != expected:
            raise kit.InteropError(f"{layer} reads {found} channels, expected {expected}")
        return found if found is not None else expected


def total(terms: Mapping[int, float]) -> Key:
    """The settings of a sum: values with their factors, sorted."""
    return tuple(sorted((value, round(factor, DIGITS)) for value, factor in terms.items()))
