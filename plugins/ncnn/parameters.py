"""The parameters of ncnn's layers, and their defaults: its tools leave out each parameter that has its default.

Source: ``load_param`` of each layer in https://github.com/Tencent/ncnn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

Numbers = tuple[float, ...]
NOTHING: Mapping[int, float] = MappingProxyType({})
NONE: Numbers = ()


class Like(int):
    """A default that is the value of another parameter, by its key."""


_KERNEL = {**{1: 0.0, 11: Like(1)}, **{2: 1.0, 12: Like(2)}, **{3: 1.0, 13: Like(3)}}  # size, dilation, stride
_PADDING = {4: 0.0, 15: Like(4), 14: Like(4), 16: Like(14)}  # left, right, top, bottom
_WEIGHTS = {0: 0.0, 5: 0.0, 6: 0.0, 8: 0.0, 9: 0.0, 10: NONE}  # outputs, bias, kernel's numbers, int8, activation
_CORNERS = dict.fromkeys((0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15), 0.0)  # offsets and sizes
_POOLED = {1: 0.0, 11: Like(1), 2: 1.0, 12: Like(2), 3: 0.0, 13: Like(3), 14: Like(3), 15: Like(13)}  # window, padding

LARGEST = float(2**128 - 2**104)  # of float32

Default = float | Like | Numbers
DEFAULTS: Mapping[str, Mapping[int, Default]] = {
    "BinaryOp": {0: 0.0, 1: 0.0, 2: 0.0},
    "Clip": {0: -LARGEST, 1: LARGEST},
    "Concat": {0: 0.0},
    "Convolution": {**_WEIGHTS, **_KERNEL, **_PADDING, 18: 0.0, 19: 0.0},
    "Crop": {**_CORNERS, 9: NONE, 10: NONE, 11: NONE},
    "Deconvolution": {**_WEIGHTS, **_KERNEL, **_PADDING, **{18: 0.0, 19: Like(18), 20: 0.0, 21: Like(20), 28: 0.0}},
    "Eltwise": {0: 0.0, 1: NONE},
    "InnerProduct": {0: 0.0, 1: 0.0, 2: 0.0, 8: 0.0, 9: 0.0, 10: NONE},
    "Input": {0: 0.0, 1: 0.0, 2: 0.0, 11: 0.0},
    "Interp": {0: 0.0, 1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0, 5: 0.0, 6: 0.0},
    "PReLU": {0: 0.0},
    "Padding": {**dict.fromkeys(range(9), 0.0)},
    "PixelShuffle": {0: 1.0, 1: 0.0},
    "Pooling": {**_POOLED, **{0: 0.0, 4: 0.0, 5: 0.0, 6: 0.0, 7: 0.0, 8: 0.0, 18: Like(8)}},
    "ReLU": {0: 0.0},
    "Reorg": {0: 1.0, 1: 0.0},
    "Scale": {0: 0.0, 1: 0.0},
    "Split": {},
}
FRACTIONS: Mapping[str, Collection[int]] = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Deconvolution"), (10,)),
    **{"BinaryOp": (2,), "Clip": (0, 1), "Interp": (1, 2), "Padding": (5,), "ReLU": (0,)},
}
"""Parameters that are fractions; ncnn reads a number without a point as a whole one."""
ARRAYS: Mapping[str, Collection[int]] = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Deconvolution"), (10,)),
    **{"Crop": (9, 10, 11), "Reduction": (3,), "Slice": (0,)},
}
"""Parameters that are arrays, of the layers that are written."""


def keys_of(kind: str) -> Collection[int]:
    """The keys of the parameters of a kind of layer."""
    return DEFAULTS[kind].keys()


def default_of(kind: str, key: int, numbers: Callable[[int], Numbers] | None = None) -> Numbers:
    """The default of a parameter.

    Args:
        numbers: the layer's own values, for defaults that follow another parameter; None: its default
    """
    default = DEFAULTS[kind][key]
    if isinstance(default, Like):
        return numbers(int(default)) if numbers else default_of(kind, int(default))
    return default if isinstance(default, tuple) else (default,)
