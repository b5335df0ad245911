"""Spatially-adaptive normalization, and nearest-neighbour downsampling."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
from keras import layers, ops

from img2imgkit.nn.layers.convolution import GAIN, initializer
from img2imgkit.nn.layers.norm import BatchNorm, InstanceNorm

Shape = tuple[int | None, ...]
HIDDEN = 128  # filters of the convolution on the label map, independent of the network's width


def spade(x: Any, label_map: Any, kernel_size: int, norm: Literal["batch", "instance"], name: str) -> Any:
    """Normalize ``x``, then scale and shift it per pixel by what convolutions of the label map predict.

    Park et al. 2019, https://arxiv.org/abs/1903.07291, section 3 and eq. 1, as published: ``norm(x) * (1 + gamma) +
    beta``, with a normalization that learns no parameters. One convolution predicts gamma and beta, in this order.

    Shapes:
        x: (N, H, W, C); label_map: (N, H, W, any) of the same size -> as x
    """
    channels = x.shape[-1]
    plain = BatchNorm(affine=False, name=f"{name}_free") if norm == "batch" else InstanceNorm(name=f"{name}_free")
    fans = kernel_size**2 * (HIDDEN + channels)  # fan-in plus fan-out of gamma's half, and of beta's
    both = keras.initializers.RandomNormal(stddev=GAIN * math.sqrt(2 / fans))
    hidden = layers.Conv2D(
        HIDDEN, kernel_size, padding="same", activation="relu", kernel_initializer=initializer("xavier"),
        name=f"{name}_shared",
    )(label_map)  # fmt: skip
    modulation = layers.Conv2D(
        2 * channels, kernel_size, padding="same", kernel_initializer=both, name=f"{name}_modulation"
    )(hidden)
    return Modulated(name=name)([plain(x), modulation])


@keras.saving.register_keras_serializable("img2imgkit")
class Modulated(layers.Layer):
    """Features times 1 + gamma, plus beta.

    Shapes:
        [(N, H, W, C), (N, H, W, 2 * C): gamma, then beta] -> (N, H, W, C)
    """

    def call(self, inputs: Any) -> Any:
        x, modulation = inputs
        gamma, beta = ops.split(modulation, 2, axis=-1)
        return x + x * gamma + beta

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape: Shape = input_shape[0]
        return shape


@keras.saving.register_keras_serializable("img2imgkit")
class Sampled(layers.Layer):
    """Nearest-neighbour downsampling as in PyTorch: every ``factor``-th pixel, starting with the first.

    Shapes:
        (N, H, W, C) -> (N, ceil(H / factor), ceil(W / factor), C)
    """

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x[:, :: self.factor, :: self.factor]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, *sizes, channels = input_shape
        return (count, *(None if size is None else -(-size // self.factor) for size in sizes), channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
