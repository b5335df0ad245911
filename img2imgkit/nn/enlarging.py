"""Building blocks of super-resolution networks: activations, initializers, a residual on the nearest neighbour."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers.resizing import Repeated
from img2imgkit.nn.layers.shuffle import PixelShuffle

Activation = Literal["prelu", "leaky_relu", "relu"]
LEAK = 0.1


def added_to_nearest(x: Any, source: Any, scale: int, name: str) -> Any:
    """Nearest-neighbour upsampling of the source, plus a last convolution of ``x`` (named ``name``), pixel-shuffled.

    At initialization the added residual is almost 0. The sum is float32 under every precision policy.

    Shapes:
        x (N, H, W, any), source (N, H, W, channels) -> (N, scale * H, scale * W, channels)
    """
    near_zero = keras.initializers.RandomNormal(stddev=1e-3)
    filters = source.shape[-1] * scale**2
    last = layers.Conv2D(filters, 3, padding="same", kernel_initializer=near_zero, dtype="float32", name=name)
    x = PixelShuffle(scale, dtype="float32", name="shuffle")(last(x))  # (N, scale * H, scale * W, channels)
    nearest = Repeated(scale, interpolation="nearest", dtype="float32", name="nearest")(source)
    return layers.Add(dtype="float32", name="sum")([x, nearest])


def activated(kind: Activation, name: str) -> keras.Layer:
    """Create an activation layer."""
    if kind == "prelu":
        return layers.PReLU(
            alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2], name=name
        )  # one slope per channel
    if kind == "leaky_relu":
        return layers.LeakyReLU(LEAK, name=name)
    return layers.ReLU(name=name)


def weakened_kernels() -> keras.initializers.Initializer:
    """He initialization scaled by a tenth (https://arxiv.org/abs/1809.00219, section 3.1: "smaller initialization")."""
    return keras.initializers.VarianceScaling(0.02, mode="fan_in", distribution="untruncated_normal")
