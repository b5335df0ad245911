"""The values of a graph: each blob as an operation on other values.

Equal operations on equal values are one value, independent of blob names and splits. A network can therefore be
recognised by looking up the values that it would compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.weights import KERNEL, UP_KERNEL, kernel_shape

import img2imgkit as kit

DIGITS = 6  # of slopes and factors that are compared; files state them in decimal
REPLICATED = 1  # ncnn's number of padding that repeats the edge
RESIZED = {1: "nearest", 2: "bilinear", 3: "bicubic"}  # by ncnn's number

# Parameters by ncnn's keys; those that are not named must have ncnn's default.
SIDES = (4, 14, 15, 16)  # padding
CONVOLUTION: Mapping[int, float] = {1: KERNEL, 11: KERNEL, 5: 1}  # 3 x 3 with a bias
ENLARGING: Mapping[int, float] = {**dict.fromkeys((1, 11), UP_KERNEL), **dict.fromkeys((3, 13), 2), 5: 1}
ENLARGING_PADDING = 3
WEIGHTS = (0, 6, 9, 10)  # outputs, numbers of the kernel, activation and its parameters
Key = tuple[Any, ...]
"""An operation, its settings, and the numbers of its input values."""


class Values:
    """The values of a graph, numbered in order; 0 is the input picture.

    Attributes:
        keys: the operation of each value
        layers: layers with weights, by output value
        output: the network's output value
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.keys: list[Key] = []
        self.layers: dict[int, Layer] = {}
        self._channels: list[int | None] = []  # None: the channels of the picture, unknown
        self._numbers: dict[Key, int] = {}
        self._readers: dict[tuple[str, int], list[int]] = {}
        blobs: dict[str, int] = {}
        unread: set[str] = set()
        for layer in layers:
            if layer.kind not in OPERATIONS:
                known = ", ".join(sorted(OPERATIONS))
                raise kit.InteropError(f"{layer}: this type of layer is not supported; supported are {known}")
            if not layer.gives or (len(layer.gives) > 1 and layer.kind != "Split"):
                raise kit.InteropError(f"{layer} outputs {len(layer.gives)} blobs, expected one")
            number = OPERATIONS[layer.kind](self, layer, [blobs[blob] for blob in layer.reads])
            blobs |= dict.fromkeys(layer.gives, number)
            unread -= set(layer.reads)
            unread |= set(layer.gives)
        outputs = {blobs[blob] for blob in unread}
        if not self.keys or len(outputs) != 1:
            raise kit.InteropError(f"the graph has {len(outputs)} outputs, expected one")
        self.output = outputs.pop()

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

    def channels(self, layer: Layer, source: int, expected: int | None = None) -> int | None:
        """Return the number of channels of a value.

        Raises:
            InteropError: it is not the expected one.
        """
        found = self._channels[source]
        if expected is not None and found is not None and found != expected:
            raise kit.InteropError(f"{layer} reads {found} channels, expected {expected}")
        return found if found is not None else expected


def total(terms: Mapping[int, float]) -> Key:
    """The settings of a sum: values with their factors, sorted."""
    return tuple(sorted((value, round(factor, DIGITS)) for value, factor in terms.items()))


def _one(layer: Layer, sources: Sequence[int]) -> int:
    if len(sources) != 1:
        raise kit.InteropError(f"{layer} reads {len(sources)} blobs, expected one")
    return sources[0]


def _input(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    if sources or values.keys:
        raise kit.InteropError(f"{layer}: a network has one input, which must be the first layer and read no blob")
    return values.make((), None, "picture")


def _split(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect()
    return _one(layer, sources)


def _convolution(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """A 3 x 3 convolution, padded by zeros so that it keeps the size, or not padded."""
    padding = layer.whole(4)
    layer.expect({**CONVOLUTION, **dict.fromkeys(SIDES, min(padding, 1))}, free=WEIGHTS)
    return _weighted(values, layer, sources, "convolution" if padding else "valid")


def _deconvolution(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """A transposed convolution of 4 x 4 that doubles the size, less 4 pixels."""
    layer.expect({**ENLARGING, **dict.fromkeys(SIDES, ENLARGING_PADDING)}, free=WEIGHTS)
    return _weighted(values, layer, sources, "doubled")


def _weighted(values: Values, layer: Layer, sources: Sequence[int], operation: str) -> int:
    """A layer with a kernel, and its activation."""
    source = _one(layer, sources)
    outputs, inputs, *_ = kernel_shape(layer)
    values.channels(layer, source, inputs)
    number = values.make(sources, outputs, operation, layer.name, source)
    values.layers[number] = layer
    activation, slopes = layer.whole(9), layer.numbers(10)
    if activation == 0:
        return number
    if (activation, len(slopes)) not in ((1, 0), (2, 1)):
        raise kit.InteropError(f"{layer}: activation {activation} with {len(slopes)} parameters is not supported")
    return _leaky(values, number, *slopes)


def _leaky(values: Values, source: int, slope: float = 0.0) -> int:
    return values.make([source], values._channels[source], "leaky", round(slope, DIGITS), source)


def _relu(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect(free=(0,))
    return _leaky(values, _one(layer, sources), layer.number(0))


def _clip(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect(free=(0, 1))
    source = _one(layer, sources)
    return values.make(sources, values.channels(layer, source), "clipped", layer.number(0), layer.number(1), source)


def _padding(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """Padding that replicates the edge, by as much on each side."""
    width = layer.whole(0)
    layer.expect({**dict.fromkeys(range(4), width), 4: REPLICATED})
    source = _one(layer, sources)
    return values.make(sources, values.channels(layer, source), "replicated", width, source)


def _prelu(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect(free=(0,))
    source = _one(layer, sources)
    slopes = values.channels(layer, source, layer.whole(0))
    number = values.make(sources, slopes, "prelu", layer.name, source)
    values.layers[number] = layer
    return number


def _concat(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect()  # along the channels
    channels = [values.channels(layer, source) for source in sources]
    counted = None if None in channels else sum(filter(None, channels))
    return values.make(sources, counted, "concat", *sources)


def _sum(values: Values, layer: Layer, sources: Sequence[int], factors: Sequence[float]) -> int:
    """A weighted sum; scaled values are counted as their source, times the factor."""
    terms: dict[int, float] = {}
    channels: int | None = None
    for source, factor in zip(sources, factors, strict=True):
        channels = values.channels(layer, source, channels)
        operation, *settings = values.keys[source]
        scale, inner = settings if operation == "scaled" else (1.0, source)
        terms[inner] = terms.get(inner, 0.0) + factor * scale
    return values.make(list(terms), channels, "sum", *total(terms))


def _binary(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """The sum of two values, or a value times a number."""
    if layer.whole(1):
        layer.expect({0: 2.0, 1: 1.0}, free=(2,))
        source = _one(layer, sources)
        return values.make(sources, values.channels(layer, source), "scaled", layer.number(2), source)
    layer.expect(free=(2,))
    if len(sources) != 2:
        raise kit.InteropError(f"{layer} reads {len(sources)} blobs, expected two")
    return _sum(values, layer, sources, (1.0, 1.0))


def _eltwise(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect({0: 1.0}, free=(1,))
    factors = layer.numbers(1) or (1.0,) * len(sources)
    if len(factors) != len(sources) or not sources:
        raise kit.InteropError(f"{layer} has {len(factors)} factors for {len(sources)} blobs")
    return _sum(values, layer, sources, factors)


def _interp(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect(free=(0, 1, 2))
    source = _one(layer, sources)
    method, factor = RESIZED.get(layer.whole(0)), layer.number(1)
    if method is None or factor <= 0 or factor != layer.number(2):
        raise kit.InteropError(f"{layer}: only resizing by one factor is supported, {', '.join(RESIZED.values())}")
    return values.make(sources, values.channels(layer, source), "resized", method, factor, source)


def _pixel_shuffle(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    layer.expect(free=(0,))  # PyTorch's order of channels
    source, factor = _one(layer, sources), layer.whole(0)
    if factor == 1:
        return source
    channels, rest = divmod(values.channels(layer, source) or 0, factor**2) if factor else (0, 0)
    if rest or not channels:
        raise kit.InteropError(f"{layer}: its input cannot be shuffled by {factor}")
    return values.make(sources, channels, "shuffled", factor, source)


def _reorg(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """Pixel unshuffle."""
    layer.expect(free=(0,))
    source, channels = _one(layer, sources), values.channels(layer, sources[0])
    factor = layer.whole(0)
    if factor == 1:
        return source
    return values.make(sources, channels and channels * factor**2, "unshuffled", factor, source)


OPERATIONS: Mapping[str, Callable[[Values, Layer, Sequence[int]], int]] = {
    "BinaryOp": _binary,
    "Clip": _clip,
    "Concat": _concat,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "Eltwise": _eltwise,
    "Input": _input,
    "Interp": _interp,
    "PReLU": _prelu,
    "Padding": _padding,
    "PixelShuffle": _pixel_shuffle,
    "ReLU": _relu,
    "Reorg": _reorg,
    "Split": _split,
}
