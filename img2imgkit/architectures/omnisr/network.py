"""Omni-SR: omni self-attention blocks, whose attention alternates between places and channels, near and far."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers.attention import ChannelSelfAttention, WindowAttention
from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.convolution import DepthwiseConv, initializer
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.padding import CropLike, PadToMultiple
from img2imgkit.nn.layers.resizing import ResizedLike
from img2imgkit.nn.layers.shuffle import PixelShuffle
from img2imgkit.nn.transformer import conv, linear, normed, wide

HEADS = 4
EPSILON = 1e-6  # of most normalizations


def omnisr(
    scale: int = 4,
    width: int = 64,
    groups: int = 5,
    blocks: int = 1,
    window: int = 8,
    position_bias: bool = True,
    bias: bool = True,
    channels: int = 3,
) -> keras.Model:
    """Omni-SR (Wang et al. 2023, https://arxiv.org/abs/2304.10244, section 3).

    Images whose sizes are not multiples of ``window`` are padded by zeros at the bottom and on the right, and the
    output is cropped, as in the official code. The last convolution is float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1], at least 9 pixels high and wide if ``window`` is 8 -> (N, scale * H, scale * W,
            channels), about the same range

    Args:
        blocks: in each of the groups
        position_bias: whether attention between places has biases by relative position
        bias: whether the convolutions around the blocks have biases

    >>> ops.shape(omnisr(2, 8, 1)(ops.zeros((1, 9, 16, 3))))
    (1, 18, 32, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    padded = PadToMultiple(window, "zeros", name="padded")(source)
    first = conv(padded, width, "first", bias=bias)  # (N, H', W', width)
    x = first
    for group in range(groups):
        y = x
        for number in range(blocks):
            y = _block(y, window, position_bias, f"group{group}_block{number}")
        y = layers.Add(name=f"group{group}_sum")([conv(y, width, f"group{group}_conv", 1, bias), x])
        x = _spatially_weighted(y, f"group{group}")
    x = layers.Add(name="body_sum")([conv(x, width, "body", bias=bias), first])
    x = conv(x, channels * scale**2, "last", bias=bias, dtype=wide())
    x = PixelShuffle(scale, dtype=wide(), name="shuffle")(x)
    return keras.Model(source, CropLike(scale, dtype=wide(), name="cropped")([x, source]), name="omnisr")


def _block(x: Any, window: int, biased: bool, name: str) -> Any:
    """An omni self-attention block. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    x = _inverted(x, f"{name}_part0")
    for number, spaced in ((2, False), (8, True)):
        x = _between_places(x, window, spaced, biased, f"{name}_part{number}")
        x = _forward(x, f"{name}_part{number + 2}")
        x = _between_channels(x, window, spaced, f"{name}_part{number + 3}")
        x = _forward(x, f"{name}_part{number + 4}")
    return x


def _inverted(x: Any, name: str) -> Any:
    """A mobile convolution with squeeze and excitation. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    y = Gelu(name=f"{name}_gelu0")(conv(x, width, f"{name}_expand", 1))
    y = Gelu(name=f"{name}_gelu1")(DepthwiseConv(3, name=f"{name}_local")(y))
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(y)
    gate = layers.Activation("silu", name=f"{name}_silu")(linear(gate, width // 4, f"{name}_squeeze", False))
    gate = layers.Activation("sigmoid", name=f"{name}_sigmoid")(linear(gate, width, f"{name}_excite", False))
    y = conv(layers.Multiply(name=f"{name}_scaled")([y, gate]), width, f"{name}_reduce", 1)
    return layers.Add(name=f"{name}_sum")([y, x])


def _between_places(x: Any, window: int, spaced: bool, biased: bool, name: str) -> Any:
    """Attention between the pixels of a window, or between pixels spread over the map. Shapes: unchanged."""
    width = x.shape[-1]
    qkv = linear(normed(x, f"{name}_norm"), 3 * width, f"{name}_qkv", False)
    attention = WindowAttention(HEADS, (window, window), spaced=spaced, biased=biased, name=f"{name}_attention")
    return layers.Add(name=f"{name}_sum")([linear(attention(qkv), width, f"{name}_projection", False), x])


def _between_channels(x: Any, window: int, spaced: bool, name: str) -> Any:
    """Attention between channels, in windows, or for pixels a window apart. Shapes: unchanged."""
    width = x.shape[-1]
    qkv = conv(normed(x, f"{name}_norm", EPSILON), 3 * width, f"{name}_qkv", 1, bias=False)
    qkv = DepthwiseConv(3, use_bias=False, name=f"{name}_qkv_local")(qkv)
    seen = ChannelSelfAttention(HEADS, window, spaced, name=f"{name}_attention")(qkv)
    return layers.Add(name=f"{name}_sum")([conv(seen, width, f"{name}_projection", 1, bias=False), x])


def _forward(x: Any, name: str) -> Any:
    """A gated feed-forward part with a depthwise convolution. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    y = conv(normed(x, f"{name}_norm", EPSILON), 2 * width, f"{name}_expand", 1, bias=False)
    y = DepthwiseConv(3, use_bias=False, name=f"{name}_local")(y)
    gate = Gelu(name=f"{name}_gelu")(ChannelRange(0, width, name=f"{name}_gate")(y))
    y = layers.Multiply(name=f"{name}_gated")([gate, ChannelRange(width, 2 * width, name=f"{name}_kept")(y)])
    return layers.Add(name=f"{name}_sum")([conv(y, width, f"{name}_reduce", 1, bias=False), x])


def _spatially_weighted(x: Any, name: str) -> Any:
    """Enhanced spatial attention (Liu et al. 2020, https://arxiv.org/abs/2009.11551). Shapes: unchanged."""
    width = x.shape[-1]
    inner = max(width // 4, 16)
    reduced = conv(x, inner, f"{name}_conv1", 1)
    y = layers.Conv2D(inner, 3, strides=2, kernel_initializer=initializer("uniform"), name=f"{name}_conv2")(reduced)
    y = conv(layers.MaxPooling2D(7, 3, name=f"{name}_pool")(y), inner, f"{name}_conv3")
    y = ResizedLike(name=f"{name}_resized")([y, x])
    y = layers.Add(name=f"{name}_both")([y, conv(reduced, inner, f"{name}_conv_f", 1)])
    weights = layers.Activation("sigmoid", name=f"{name}_weights")(conv(y, width, f"{name}_conv4", 1))
    return layers.Multiply(name=f"{name}_weighted")([x, weights])
