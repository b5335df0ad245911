"""MoSR: gated blocks with depthwise convolutions."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.enlarging import sampled_up
from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.shuffle import PixelShuffle

EPSILON = 1e-6
GROUPS = 4  # of DySample's channels
SHIFT = -0.5  # of each skip connection


def mosr(
    scale: int = 4,
    width: int = 64,
    blocks: int = 24,
    hidden: int = 96,
    convolved: int = 64,
    kernel_size: int = 7,
    upsampler: Literal["pixelshuffle", "dysample"] = "pixelshuffle",
    channels: int = 3,
    out_channels: int | None = None,
) -> keras.Model:
    """MoSR: the gated blocks of MambaOut (Yu & Wang 2024, https://arxiv.org/abs/2405.07992) for super-resolution.

    The last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, out_channels), about the same range
    Departs from the paper, as neosr and traiNNer-redux: 3x3 convolutions in place of matrix products, Mish, and skip
    connections less a half.

    Args:
        hidden: filters inside a block, and as many that gate them
        convolved: how many of these pass through a depthwise convolution

    >>> ops.shape(mosr(scale=2, width=4, blocks=1, hidden=6, convolved=4)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source, written = keras.Input((None, None, channels), name="source"), out_channels or channels
    x = _conv(source, width, 3, "first")  # (N, H, W, width)
    for number in range(blocks):
        x = _block(x, hidden, convolved, kernel_size, f"block{number}")
    x = _mish(_conv(x, 2 * width, 3, "body0"), "body0_act")
    x = _mish(_conv(x, width, 3, "body1"), "body1_act")
    x = _conv(x, width, 1, "body2")
    skip = _mish(_conv(source, width, 3, "skip0"), "skip0_act")
    skip = _mish(_conv(skip, width, 3, "skip1"), "skip1_act")
    skip = layers.Add(name="skip_sum")([skip, _conv(source, width, 1, "skip")])
    x = layers.Add(name="sum")([x, layers.Rescaling(1.0, SHIFT, name="skip_shifted")(skip)])
    if upsampler == "dysample":
        made = _conv(sampled_up(x, scale, GROUPS), written, 1, "last", "float32")
    else:
        last = _conv(x, written * scale**2, 3, "last", "float32")
        made = PixelShuffle(scale, dtype="float32", name="shuffle")(last)
    return keras.Model(source, made, name="mosr")


def _block(x: Any, hidden: int, convolved: int, kernel_size: int, name: str) -> Any:
    """A gated block. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(x)
    y = _conv(y, 2 * hidden, 3, f"{name}_conv0")
    gate = _mish(ChannelRange(0, hidden, name=f"{name}_gate")(y), f"{name}_gate_act")
    rest = 2 * hidden - convolved
    depthwise = layers.DepthwiseConv2D(
        kernel_size, padding="same", depthwise_initializer=_kernels(), name=f"{name}_depthwise"
    )
    seen = depthwise(ChannelRange(rest, 2 * hidden, name=f"{name}_part")(y))
    if convolved < hidden:
        seen = layers.Concatenate(name=f"{name}_all")([ChannelRange(hidden, rest, name=f"{name}_rest")(y), seen])
    y = layers.Multiply(name=f"{name}_gated")([gate, seen])
    y = _mish(_conv(y, x.shape[-1], 3, f"{name}_conv1"), f"{name}_act")
    return layers.Add(name=f"{name}_sum")([y, layers.Rescaling(1.0, SHIFT, name=f"{name}_shifted")(x)])


def _mish(x: Any, name: str) -> Any:
    return layers.Activation("mish", name=name)(x)


def _kernels() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=0.02)


def _conv(x: Any, filters: int, size: int, name: str, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=_kernels(), dtype=dtype, name=name)(x)
