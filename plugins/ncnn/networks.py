"""Recognising the network of a graph, by following its values from input to output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.values import Values, total

import img2imgkit as kit

DENSE_LEAK, RESIDUAL = 0.2, 0.2  # of RRDBNet: slope of its activations, residual scaling
UNPADDED, UNPADDED_LEAK = 6, 0.1  # of UpConv7: convolutions before the last layer, slope of their activations
CLIPPED = ("clipped", 0.0, 1.0)
ACTIVATIONS = {0.1: "leaky_relu", 0.0: "relu"}  # of SRVGGNetCompact by slope, in addition to PReLU


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


def recognise(values: Values) -> Recognised:
    """Recognise the network that a graph computes.

    Raises:
        InteropError: the network is not supported.
    """
    differing = []
    for network, (official, follow) in NETWORKS.items():
        walk = _Walk(values)
        try:
            end, options = follow(walk)
            return Recognised(network, options, walk.visited, walk.folded, walk.finish(end))
        except _Differs as error:
            differing.append(f"not {official}: {error}")
    raise kit.InteropError("; ".join(differing))


class _Differs(Exception):
    """Where a graph differs from the network that it is compared with."""


class _Walk:
    """A walk through a graph that collects layers with weights."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.visited: dict[str, Layer] = {}
        self.folded: dict[str, float] = {}

    def layer(self, operation: str, source: int, name: str) -> int:
        """Return the output of the only layer of that kind that reads a value, and record it under the module's name.

        Raises:
            _Differs: there is no such layer, or several.
        """
        found = self.values.readers(operation, source)
        if len(found) != 1:
            raise _Differs(f"{self._place(source)} is read by {len(found)} layers of type {operation}, expected one")
        self.visited[name] = self.values.layers[found[0]]
        return found[0]

    def value(self, operation: str, *settings: Any) -> int:
        """Return the value of an operation.

        Raises:
            _Differs: there is no such operation.
        """
        found = self.values.find(operation, *settings)
        if found is None:
            last = list(self.visited.values())[-1].name
            raise _Differs(f"the expected {operation} after layer {last!r} is missing")
        return found

    def finish(self, end: int) -> tuple[str, float] | None:
        """Return how the network's output is resized, if at all.

        Raises:
            _Differs: the graph does anything else, or has unused layers with weights.
        """
        left = {layer.name for layer in self.values.layers.values()} - {layer.name for layer in self.visited.values()}
        if left:
            raise _Differs(f"layer {sorted(left)[0]!r} is not part of it")
        output = self.values.output
        if self.values.keys[output][:-1] == CLIPPED:  # as a bundle's output is, too
            output = self.values.keys[output][-1]
        if end == output:
            return None
        operation, *settings = self.values.keys[output]
        if operation != "resized" or settings[-1] != end:
            raise _Differs(f"its output is followed by {operation}")
        return settings[0], settings[1]

    def _place(self, value: int) -> str:
        operation, *settings = self.values.keys[value]
        return f"the output of layer {settings[0]!r}" if value in self.values.layers else f"a {operation}"


def _follow_rrdb(walk: _Walk) -> tuple[int, dict[str, Any]]:
    """RRDBNet of ESRGAN and Real-ESRGAN (https://arxiv.org/abs/1809.00219, https://arxiv.org/abs/2107.10833)."""
    factor = next((each for each in (2, 4) if walk.values.find("unshuffled", each, 0) is not None), 1)
    first = walk.layer("convolution", walk.value("unshuffled", factor, 0) if factor > 1 else 0, "conv_first")
    body, number = first, 0
    while _is_dense(walk.values, body):
        body = _block(walk, body, f"body.{number}")
        number += 1
    if not number:
        raise _Differs("no dense block follows the first convolution")
    x = walk.value("sum", *total({first: 1.0, walk.layer("convolution", body, "conv_body"): 1.0}))
    for name in ("conv_up1", "conv_up2"):
        x = _leaky(walk, walk.value("resized", "nearest", 2.0, x), name)
    return walk.layer("convolution", _leaky(walk, x, "conv_hr"), "conv_last"), {
        "scale": 4 // factor,
        "unshuffle": factor,
    }


def _is_dense(values: Values, x: int) -> bool:
    """Whether a dense block starts here: a convolution's output is concatenated with its input."""
    grown = [values.find("leaky", DENSE_LEAK, value) for value in values.readers("convolution", x)]
    return any(value is not None and values.find("concat", x, value) is not None for value in grown)


def _leaky(walk: _Walk, source: int, name: str) -> int:
    return walk.value("leaky", DENSE_LEAK, walk.layer("convolution", source, name))


def _block(walk: _Walk, x: int, name: str) -> int:
    """A residual block of three dense blocks."""
    inner = x
    for number in (1, 2, 3):
        inner = _dense(walk, inner, f"{name}.rdb{number}")
    return walk.value("sum", *total({inner: RESIDUAL, x: 1.0}))


def _dense(walk: _Walk, x: int, name: str) -> int:
    """A dense block: five convolutions, each of which reads the outputs of all before it."""
    known, joined = [x], x
    for number in (1, 2, 3, 4):
        known.append(_leaky(walk, joined, f"{name}.conv{number}"))
        joined = walk.value("concat", *known)
    last = walk.layer("convolution", joined, f"{name}.conv5")
    scaled = walk.values.find("sum", *total({last: RESIDUAL, x: 1.0}))
    if scaled is not None:
        return scaled
    walk.folded[f"{name}.conv5"] = RESIDUAL
    return walk.value("sum", *total({last: 1.0, x: 1.0}))


def _follow_srvgg(walk: _Walk) -> tuple[int, dict[str, Any]]:
    """SRVGGNetCompact of Real-ESRGAN: convolutions, a pixel shuffle, plus nearest-neighbour upsampling of the input."""
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
        raise _Differs(f"there are {len(kinds)} kinds of activations between its convolutions, expected one")
    [shuffled] = walk.values.readers("shuffled", last) or [last]
    scale = walk.values.keys[shuffled][1] if shuffled != last else 1
    nearest = walk.value("resized", "nearest", float(scale), 0) if scale > 1 else 0
    return walk.value("sum", *total({shuffled: 1.0, nearest: 1.0})), {"scale": scale, "activation": kinds.pop()}


def _follow_upconv7(walk: _Walk) -> tuple[int, dict[str, Any]]:
    """UpConv7 and VGG7 of waifu2x (https://github.com/nagadomi/nunif): convolutions without padding."""
    padded = walk.values.find("replicated", UNPADDED + 1, 0)  # as the architecture pads; official files leave it out
    x = 0 if padded is None else padded
    for number in range(UNPADDED):
        convolved = walk.layer("valid", x, f"net.{2 * number}")
        x = walk.value("leaky", UNPADDED_LEAK, convolved)
    scale = 2 if walk.values.readers("doubled", x) else 1
    return walk.layer("doubled" if scale == 2 else "valid", x, f"net.{2 * UNPADDED}"), {"scale": scale}


def _activated(walk: _Walk, value: int, name: str) -> tuple[str, int] | None:
    """The kind and the output of the activation; None if there is none."""
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
    "upconv7": ("UpConv7", _follow_upconv7),
}
