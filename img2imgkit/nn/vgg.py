"""VGG's convolutions with taps (Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556, table 1, D and E)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import keras
from keras import layers, ops

__all__ = ["VGG_BLOCKS", "vgg"]

Preprocessing = Literal["torch", "caffe", "none"]

VGG_BLOCKS: Mapping[str, tuple[int, ...]] = MappingProxyType({"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)})
"""How many convolutions each block has, by name."""

_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR in [0, 255]


def vgg(name: str, taps: Sequence[str], width: int = 64, preprocessing: Preprocessing = "torch") -> keras.Model:
    """VGG up to its last tap, returning features by tap. Weights are NaN until they are loaded.

    Args:
        name: a key of ``VGG_BLOCKS``
        taps: "conv3_4" is before the activation, "relu3_4" after it, "pool3" after the block
        width: channels of the first block; 64 in the paper
        preprocessing: what the weights were trained on: "torch" (RGB, mean 0, deviation 1), "caffe" (BGR in
            [0, 255], mean 0), "none" (RGB in [-1, 1])
    Shapes:
        (N, H, W, 3) in [-1, 1] -> for each tap, (N, h, w, C)
    Raises:
        ValueError: the network or a tap is unknown, or no taps are given.
    """
    known = [tap for block in _blocks(name) for tap in block]
    if not taps or (unknown := [tap for tap in taps if tap not in known]):
        raise ValueError(
            f"{name} has no tap {unknown[0]!r}; it has {', '.join(known)}"
            if taps
            else f"no taps are given; {name} has {', '.join(known)}"
        )
    image = keras.Input((None, None, 3), name="image")
    found: dict[str, Any] = {}
    x = _Preprocess(preprocessing, name="preprocess")(image)
    for number, block in enumerate(_blocks(name)):
        for tap in block:
            x = found[tap] = _layer(tap, width * min(2**number, 8))(x)
            if set(taps) <= found.keys():
                return keras.Model(image, {each: found[each] for each in taps}, name=name)
    raise AssertionError(f"the taps of {name} were validated but not reached")


def _blocks(name: str) -> Iterator[list[str]]:
    if name not in VGG_BLOCKS:
        raise ValueError(f"unknown feature network {name!r}; expected one of {', '.join(VGG_BLOCKS)}")
    for number, convolutions in enumerate(VGG_BLOCKS[name], start=1):
        pairs = [(f"conv{number}_{at}", f"relu{number}_{at}") for at in range(1, convolutions + 1)]
        yield [tap for pair in pairs for tap in pair] + [f"pool{number}"]


def _layer(tap: str, filters: int) -> keras.layers.Layer:
    if tap.startswith("conv"):
        unset = keras.initializers.Constant(math.nan)  # makes missing weights visible
        return layers.Conv2D(filters, 3, padding="same", kernel_initializer=unset, name=tap)
    return layers.ReLU(name=tap) if tap.startswith("relu") else layers.MaxPooling2D(2, name=tap)


class _Preprocess(layers.Layer):
    """Converts [-1, 1] to the range that the weights were trained on."""

    def __init__(self, mode: Preprocessing, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mode = mode

    def call(self, image: Any) -> Any:
        if self._mode == "none":
            return image
        unit = (image + 1) / 2
        if self._mode == "caffe":
            return ops.flip(unit, axis=-1) * 255 - ops.cast(ops.convert_to_tensor(_CAFFE_MEAN), unit.dtype)
        mean, deviation = (
            ops.cast(ops.convert_to_tensor(each), unit.dtype) for each in (_TORCH_MEAN, _TORCH_DEVIATION)
        )
        return (unit - mean) / deviation

    def compute_output_shape(self, shape: Any) -> Any:
        return shape
