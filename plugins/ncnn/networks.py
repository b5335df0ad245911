"""Which network a graph is: proved by following its values from the picture to the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.values import Values, total

import img2imgkit as kit

DENSE_LEAK, RESIDUAL = 0.2, 0.2  # of RRDBNet: slope of its activations, factor of what its blocks add
ACTIVATIONS = {0.1: "leaky_relu", 0.0: "relu"}  # of SRVGGNetCompact, by slope, besides PReLU


@dataclass(frozen=True)
class Recognised:
    """A graph's network.

    Attributes:
        network: its architecture's name
        options: its arguments, as far as they are what layers without weights do
        layers: those with weights, by the module's name in the official PyTorch code
        resized: what the file does with the network's result: a method and a factor; None: nothing
    """

    network: str
    options: Mapping[str, Any]
    layers: Mapping[str, Layer]
    resized: tuple[str, float] | None = None


def recognise(values: Values) -> Recognised:
    """The network that a graph computes, and nothing else.

    Raises:
        InteropError: it is none that is known here.
    """
    differing = []
    for network, (official, follow) in NETWORKS.items():
        walk = _Walk(values)
        try:
            end, options = follow(walk)
            return Recognised(network, options, walk.taken, walk.behind(end))
        except _Differs as error:
            differing.append(f"it is no {official}: {error}")
    raise kit.InteropError("; ".join(differing))


class _Differs(Exception):
    """Where a graph is not the network it was compared with."""


class _Walk:
    """The way through a graph, and the layers with weights that were met."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.taken: dict[str, Layer] = {}

    def layer(self, operation: str, source: int, name: str) -> int:
        """The value of the one layer with weights of that kind that reads a value; the module's name becomes its own.

        Raises:
            _Differs: there is none, or there are several.
        """
        found = self.values.readers(operation, source)
        if len(found) != 1:
            raise _Differs(f"{self._place(source)} is read by {len(found)} layers of the kind {operation}, not by one")
        self.taken[name] = self.values.layers[found[0]]
        return found[0]

    def made(self, operation: str, *settings: Any) -> int:
        """The value that is made so.

        Raises:
            _Differs: there is none.
        """
        found = self.values.find(operation, *settings)
        if found is None:
            last = list(self.taken.values())[-1].name
            raise _Differs(f"behind its layer {last!r} there is no {operation} as there should be")
        return found

    def behind(self, end: int) -> tuple[str, float] | None:
        """What becomes of the network's result: nothing, or it is resized.

        Raises:
            _Differs: more, or the graph has weights that take no part.
        """
        left = {layer.name for layer in self.values.layers.values()} - {layer.name for layer in self.taken.values()}
        if left:
            raise _Differs(f"its layer {sorted(left)[0]!r} is one too many")
        if end == self.values.output:
            return None
        operation, *settings = self.values.keys[self.values.output]
        if operation != "resized" or settings[-1] != end:
            raise _Differs(f"its result is not the end, but {operation}")
        return settings[0], settings[1]

    def _place(self, value: int) -> str:
        operation, *settings = self.values.keys[value]
        return f"what its layer {settings[0]!r} gives" if value in self.values.layers else f"a {operation} in it"


def _follow_rrdb(walk: _Walk) -> tuple[int, dict[str, Any]]:
    """RRDBNet of ESRGAN and Real-ESRGAN (https://arxiv.org/abs/1809.00219, https://arxiv.org/abs/2107.10833)."""
    factor = next((each for each in (2, 4) if walk.values.find("unshuffled", each, 0) is not None), 1)
    first = walk.layer("convolution", walk.made("unshuffled", factor, 0) if factor > 1 else 0, "conv_first")
    body, number = first, 0
    while _is_dense(walk.values, body):
        body = _block(walk, body, f"body.{number}")
        number += 1
    if not number:
        raise _Differs("no dense block follows its first convolution")
    x = walk.made("sum", *total({first: 1.0, walk.layer("convolution", body, "conv_body"): 1.0}))
    for name in ("conv_up1", "conv_up2"):
        x = _leaky(walk, walk.made("resized", "nearest", 2.0, x), name)
    return walk.layer("convolution", _leaky(walk, x, "conv_hr"), "conv_last"), {
        "scale": 4 // factor,
        "unshuffle": factor,
    }


def _is_dense(values: Values, x: int) -> bool:
    """Whether a dense block begins here: a convolution's result is joined to what it read."""
    grown = [values.find("leaky", DENSE_LEAK, value) for value in values.readers("convolution", x)]
    return any(value is not None and values.find("concat", x, value) is not None for value in grown)


def _leaky(walk: _Walk, source: int, name: str) -> int:
    return walk.made("leaky", DENSE_LEAK, walk.layer("convolution", source, name))


def _block(walk: _Walk, x: int, name: str) -> int:
    """A residual block of three dense ones."""
    inner = x
    for number in (1, 2, 3):
        inner = _dense(walk, inner, f"{name}.rdb{number}")
    return walk.made("sum", *total({inner: RESIDUAL, x: 1.0}))


def _dense(walk: _Walk, x: int, name: str) -> int:
    """Five convolutions, each of which reads all that came before it in the block."""
    known, joined = [x], x
    for number in (1, 2, 3, 4):
        known.append(_leaky(walk, joined, f"{name}.conv{number}"))
        joined = walk.made("concat", *known)
    last = walk.layer("convolution", joined, f"{name}.conv5")
    return walk.made("sum", *total({last: RESIDUAL, x: 1.0}))


def _follow_srvgg(walk: _Walk) -> tuple[int, dict[str, Any]]:
    """SRVGGNetCompact of Real-ESRGAN: convolutions, one shuffle, and the picture's nearest enlargement added."""
    x, number, kinds = 0, 0, set()
    while True:
        last = walk.layer("convolution", x, f"body.{number}")
        active = _activated(walk, last, f"body.{number + 1}")
        if active is None:
            break
        kind, x = active
        kinds.add(kind)
        number += 2
    if len(kinds) != 1:
        raise _Differs(f"its convolutions have {len(kinds)} kinds of activations between them, not one")
    [shuffled] = walk.values.readers("shuffled", last) or [last]
    scale = walk.values.keys[shuffled][1] if shuffled != last else 1
    nearest = walk.made("resized", "nearest", float(scale), 0) if scale > 1 else 0
    return walk.made("sum", *total({shuffled: 1.0, nearest: 1.0})), {"scale": scale, "activation": kinds.pop()}


def _activated(walk: _Walk, value: int, name: str) -> tuple[str, int] | None:
    """The activation's kind and its value; None where none follows."""
    if walk.values.readers("prelu", value):
        return "prelu", walk.layer("prelu", value, name)
    for slope, kind in ACTIVATIONS.items():
        if (found := walk.values.find("leaky", slope, value)) is not None:
            return kind, found
    return None


_Follow = Callable[[_Walk], tuple[int, dict[str, Any]]]
NETWORKS: Mapping[str, tuple[str, _Follow]] = {
    "rrdb": ("RRDBNet", _follow_rrdb),
    "srvgg": ("SRVGGNetCompact", _follow_srvgg),
}
