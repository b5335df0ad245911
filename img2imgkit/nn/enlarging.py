"""Building blocks of super-resolution networks: activations, initializers, mean colours, upsampling, large kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.dysample import DySample
from img2imgkit.nn.layers.mean_shift import MeanShift
from img2imgkit.nn.layers.resizing import Repeated
from img2imgkit.nn.layers.shuffle import PixelShuffle

Activation = Literal["prelu", "leaky_relu", "relu"]
LEAK = 0.1
Kernels = Callable[[], keras.initializers.Initializer]


def added_to_nearest(x: Any, source: Any, scale: int, name: str, channels: int | None = None) -> Any:
    """Nearest-neighbour upsampling of the source, plus a last convolution of ``x`` (named ``name``), pixel-shuffled.

    At initialization the added residual is almost 0. The sum is float32 under every precision policy.

    Shapes:
        x (N, H, W, any), source (N, H, W, C) -> (N, scale * H, scale * W, channels)

    Args:
        channels: C, unless C is 1; None: C
    """
    near_zero = keras.initializers.RandomNormal(stddev=1e-3)
    filters = (channels or source.shape[-1]) * scale**2
    last = layers.Conv2D(filters, 3, padding="same", kernel_initializer=near_zero, dtype="float32", name=name)
    x = PixelShuffle(scale, dtype="float32", name="shuffle")(last(x))  # (N, scale * H, scale * W, channels)
    nearest = Repeated(scale, interpolation="nearest", dtype="float32", name="nearest")(source)
    return layers.Add(dtype="float32", name="sum")([x, nearest])


def with_large_kernels(x: Any, count: int, size: int, name: str, kernels: Kernels, identity: bool = False) -> Any:
    """The first channels pass through a convolution with large kernels. Shapes: (N, H, W, C) -> (N, H, W, C).

    Args:
        count: how many channels
        size: height and width of the kernels
        identity: whether these channels are added to what the kernels make of them
    """
    first = ChannelRange(0, count, name=f"{name}_part")(x)
    large = layers.Conv2D(count, size, padding="same", kernel_initializer=kernels(), name=f"{name}_large")
    seen = layers.Add(name=f"{name}_identity")([first, large(first)]) if identity else large(first)
    if count == x.shape[-1]:
        return seen
    rest = ChannelRange(count, x.shape[-1], name=f"{name}_rest")(x)
    return layers.Concatenate(name=f"{name}_all")([seen, rest])


def less_mean(source: Any, mean: Sequence[float], gain: float, levels: bool = False) -> Any:
    """Subtract a mean colour, as EDSR's networks begin. In float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1], or in [0, ``gain``] with ``levels`` -> (N, H, W, C) of mean 0, in a range of ``gain``

    Args:
        levels: subtract it by a layer whose weights checkpoints store, from values that need no scaling
    """
    colour = [-gain * each for each in mean]
    if levels:
        return MeanShift(colour, dtype="float32", name="sub_mean")(source)
    return layers.Rescaling(gain, colour, dtype="float32", name="centred")(source)


def plus_mean(x: Any, mean: Sequence[float], gain: float, levels: bool = False) -> Any:
    """The inverse of ``less_mean``, as EDSR's networks end."""
    if levels:
        return MeanShift([gain * each for each in mean], dtype="float32", name="add_mean")(x)
    return layers.Rescaling(1 / gain, list(mean), dtype="float32", name="shown")(x)


def shuffled_up(x: Any, factors: Sequence[int], kernels: Kernels) -> Any:
    """Upsample by each factor with a convolution and a pixel shuffle; layers are named "up0_conv", "up0_shuffle", ...

    Shapes:
        (N, H, W, C) -> (N, factor * H, factor * W, C), for the product of all factors
    """
    width = x.shape[-1]
    for number, factor in enumerate(factors):
        conv = layers.Conv2D(
            width * factor**2, 3, padding="same", kernel_initializer=kernels(), name=f"up{number}_conv"
        )
        x = PixelShuffle(factor, name=f"up{number}_shuffle")(conv(x))
    return x


def sampled_up(x: Any, scale: int, groups: int) -> Any:
    """Upsample by samples at computed positions, see ``DySample``: the map gives the offsets, and their range.

    In float32 under every precision policy. Layers are named "offset", "scope" and "sampled", and others.

    Shapes:
        (N, H, W, C) -> (N, scale * H, scale * W, C)
    """
    count = 2 * groups * scale**2
    kernels = keras.initializers.TruncatedNormal(stddev=0.02)
    offset = layers.Conv2D(count, 1, kernel_initializer=kernels, dtype="float32", name="offset")
    scope = layers.Conv2D(
        count, 1, use_bias=False, activation="sigmoid", kernel_initializer="zeros", dtype="float32", name="scope"
    )
    shift = layers.Multiply(dtype="float32", name="shift")([offset(x), scope(x)])
    half = layers.Rescaling(0.5, dtype="float32", name="half_shift")(shift)
    return DySample(scale, groups, name="sampled")([x, half])


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
