"""What each layer of a graph computes, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from img2imgkit_plugins.ncnn.graph import Layer
from img2imgkit_plugins.ncnn.values import DIGITS, Values, total
from img2imgkit_plugins.ncnn.weights import kernel_shape

import img2imgkit as kit

REPLICATED = 1  # ncnn's number of padding that repeats the edge
RESIZED = {1: "nearest", 2: "bilinear", 3: "bicubic"}  # by ncnn's number


# Parameters by ncnn's keys; those that are not named must have ncnn's default.
SIZES, STRIDES, SIDES = (1, 11), (3, 13), (4, 14, 15, 16)  # of a kernel, and its padding
BIAS = 5  # whether there is one
WEIGHTS = (0, 6, 9, 10)  # outputs, numbers of the kernel, activation and its parameters
HALVING: Mapping[int, float] = {**dict.fromkeys(SIZES, 2), **dict.fromkeys(STRIDES, 2), BIAS: 1}
ENLARGING = {2: ("doubled", 2, 0), 4: ("doubled less", 2, 3), 5: ("tripled less", 3, 2)}  # by kernel; stride, padding
MEAN: Mapping[int, float] = {0: 1, 4: 1}  # of the whole map
GIVEN = -233.0  # stands for an input in place of weights
ACROSS = ((-2.0, -1.0), (1.0, 2.0))  # the axes of height and width, counted from the end or behind the channels


def values_of(layers: Sequence[Layer]) -> Values:
    """Compute the values of a graph.

    Raises:
        InteropError: it has layers that are not supported, or not one output.
    """
    values = Values()
    blobs: dict[str, int] = {}
    unread: set[str] = set()
    for layer in layers:
        if layer.kind not in OPERATIONS:
            known = ", ".join(sorted(OPERATIONS))
            raise kit.InteropError(f"{layer}: this type of layer is not supported; supported are {known}")
        if not layer.gives or (len(layer.gives) > 1 and layer.kind != "Split"):
            raise kit.InteropError(f"{layer} outputs {len(layer.gives)} blobs, expected one")
        number = OPERATIONS[layer.kind](values, layer, [blobs[blob] for blob in layer.reads])
        blobs |= dict.fromkeys(layer.gives, number)
        unread -= set(layer.reads)
        unread |= set(layer.gives)
    outputs = {blobs[blob] for blob in unread}
    if not values.keys or len(outputs) != 1:
        raise kit.InteropError(f"the graph has {len(outputs)} outputs, expected one")
    values.output = outputs.pop()
    return values


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
    """A 3 x 3 convolution, padded by zeros so that it keeps the size, or not padded; or one of 2 x 2 that halves it."""
    if layer.whole(1) == 2:
        layer.expect(HALVING, free=WEIGHTS)
        return _weighted(values, layer, sources, "halved")
    padding = layer.whole(4)
    layer.expect({**dict.fromkeys(SIZES, 3), **dict.fromkeys(SIDES, min(padding, 1)), BIAS: 1}, free=WEIGHTS)
    return _weighted(values, layer, sources, "convolution" if padding else "valid")


def _deconvolution(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """A transposed convolution that doubles or triples the size, less some pixels at the border."""
    size = layer.whole(1) if layer.whole(1) in ENLARGING else 4
    operation, stride, padding = ENLARGING[size]
    fixed = {**dict.fromkeys(SIZES, size), **dict.fromkeys(STRIDES, stride), **dict.fromkeys(SIDES, padding), BIAS: 1}
    layer.expect(fixed, free=WEIGHTS)
    return _weighted(values, layer, sources, operation)


def _inner_product(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """A matrix for the channels of a map of one pixel."""
    layer.expect({1: 1}, free=(0, 2, 9, 10))
    return _weighted(values, layer, sources, "matrix")


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
    if activation == 4 and not slopes:
        return values.make([number], outputs, "sigmoid", number)
    if (activation, len(slopes)) not in ((1, 0), (2, 1)):
        raise kit.InteropError(f"{layer}: activation {activation} with {len(slopes)} parameters is not supported")
    return _leaky(values, number, *slopes)


def _leaky(values: Values, source: int, slope: float = 0.0) -> int:
    return values.make([source], values.channels_of(source), "leaky", round(slope, DIGITS), source)


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
    """The sum of two values, a value times a number, or a map whose channels are weighted by a map of one pixel."""
    if layer.whole(1):
        layer.expect({0: 2.0, 1: 1.0}, free=(2,))
        source = _one(layer, sources)
        return values.make(sources, values.channels(layer, source), "scaled", layer.number(2), source)
    if layer.whole(0) == 2:
        layer.expect({0: 2.0}, free=(2,))
        return _product(values, layer, sources)
    layer.expect(free=(2,))
    if len(sources) != 2:
        raise kit.InteropError(f"{layer} reads {len(sources)} blobs, expected two")
    return _sum(values, layer, sources, (1.0, 1.0))


def _scale(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """A map whose channels are weighted by another input."""
    layer.expect({0: GIVEN})
    return _product(values, layer, sources)


def _product(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    if len(sources) != 2:
        raise kit.InteropError(f"{layer} reads {len(sources)} blobs, expected two")
    channels = values.channels(layer, sources[1], values.channels(layer, sources[0]))
    return values.make(sources, channels, "product", *sources)


def _pooling(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """The mean of each channel."""
    layer.expect(MEAN, free=(5, 6))  # of windows
    source = _one(layer, sources)
    return values.make(sources, values.channels(layer, source), "mean", source)


def _crop(values: Values, layer: Layer, sources: Sequence[int]) -> int:
    """Cut the same number of pixels off each side; early tools state one corner, and an input that has the new size."""
    if len(sources) == 2:
        width = layer.whole(0)
        layer.expect({0: width, 1: width})
    else:
        starts, ends = layer.numbers(9), layer.numbers(10)
        layer.expect(free=(9, 10, 11))
        width = int(starts[0]) if starts else 0
        if (starts, ends) != ((width,) * 2, (-width,) * 2) or layer.numbers(11) not in ACROSS:
            raise kit.InteropError(f"{layer}: only cutting the same number of pixels off each side is supported")
    source = sources[0]
    return values.make(sources, values.channels(layer, source), "cut", width, source)


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
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "Eltwise": _eltwise,
    "InnerProduct": _inner_product,
    "Input": _input,
    "Interp": _interp,
    "PReLU": _prelu,
    "Padding": _padding,
    "PixelShuffle": _pixel_shuffle,
    "Pooling": _pooling,
    "ReLU": _relu,
    "Reorg": _reorg,
    "Scale": _scale,
    "Split": _split,
}
