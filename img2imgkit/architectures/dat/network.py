"""DAT: transformer blocks that attend to places and to channels by turns, each beside a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.transformer_layout import DIV2K, factors_of
from img2imgkit.nn.layers.attention import ChannelSelfAttention, WindowAttention
from img2imgkit.nn.layers.convolution import DepthwiseConv
from img2imgkit.nn.layers.gating import Channels, Gelu
from img2imgkit.nn.layers.norm import BatchNorm
from img2imgkit.nn.layers.padding import CropLike, PadToMultiple
from img2imgkit.nn.layers.positions import RelativePositions
from img2imgkit.nn.transformer import Connection, Upsampler, centred, connected, conv, linear, normed, shown, upsampled


def dat(
    scale: int = 4,
    width: int = 180,
    depths: Sequence[int] = (6,) * 6,
    heads: Sequence[int] = (6,) * 6,
    split: tuple[int, int] = (8, 32),
    expansion: float = 4.0,
    qkv_bias: bool = True,
    upsampler: Upsampler = "pixelshuffle",
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """DAT (Chen et al. 2023, https://arxiv.org/abs/2308.03364, section 3).

    Windows beyond the border see zeros, as in the official code. The first and the last layers are float32 under every
    precision policy.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        split: height and width of the windows of the first half of the heads; those of the second half lie across
        expansion: width inside the feed-forward parts, as a multiple of ``width``
        gain: scale of the mean-subtracted input

    >>> small = dat(2, 32, (3,), (2,), split=(2, 4), expansion=1)
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    hidden = round(width * expansion)
    source = keras.Input((None, None, len(mean)), name="source")
    first = conv(centred(source, gain, mean), width, "first")  # (N, H, W, width)
    x = normed(first, "norm_before")
    for group, (depth, count) in enumerate(zip(depths, heads, strict=True)):
        y = x
        for number in range(depth):
            name, seen = f"group{group}_block{number}", normed(y, f"group{group}_block{number}_norm1")
            if number % 2:
                seen = _between_channels(seen, count, qkv_bias, name)
            else:
                shifted = number % 4 == 0 if group % 2 else number % 4 == 2
                seen = _between_places(seen, count, split, shifted, qkv_bias, name)
            y = layers.Add(name=f"{name}_sum1")([y, seen])
            y = layers.Add(name=f"{name}_sum2")([y, _gated(normed(y, f"{name}_norm2"), hidden, name)])
        x = layers.Add(name=f"group{group}_sum")([x, connected(y, connection, f"group{group}_conv")])
    x = layers.Add(name="body_sum")([first, connected(normed(x, "norm"), connection, "body")])
    x = upsampled(x, upsampler, factors_of(upsampler, scale), len(mean), features)
    return keras.Model(source, shown(x, gain, mean), name="dat")


def _between_places(x: Any, heads: int, split: tuple[int, int], shifted: bool, bias: bool, name: str) -> Any:
    """Adaptive spatial self-attention. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    qkv = linear(x, 3 * width, f"{name}_qkv", bias)
    padded = PadToMultiple(max(split), "zeros", name=f"{name}_padded")(qkv)
    halves = []
    for half, window in enumerate((split, split[::-1])):
        shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
        attention = WindowAttention(heads // 2, window, shift, part=(half, 2), name=f"{name}_half{half}_attention")
        biases = _biases(qkv, window, width // 32, heads // 2, f"{name}_half{half}")
        halves.append(attention([padded, biases]))
    seen = CropLike(name=f"{name}_cropped")([layers.Concatenate(name=f"{name}_halves")(halves), x])
    local = _local(qkv, name)
    channels, places = _of_channels(local, name), _of_places(seen, name)
    seen, local = _weighted(seen, channels, f"{name}_seen"), _weighted(local, places, f"{name}_local")
    return linear(layers.Add(name=f"{name}_both")([seen, local]), width, f"{name}_projection")


def _between_channels(x: Any, heads: int, bias: bool, name: str) -> Any:
    """Adaptive channel self-attention. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    qkv = linear(x, 3 * width, f"{name}_qkv", bias)
    seen, local = ChannelSelfAttention(heads, name=f"{name}_attention")(qkv), _local(qkv, name)
    places, channels = _of_places(local, name), _of_channels(seen, name)
    seen, local = _weighted(seen, places, f"{name}_seen"), _weighted(local, channels, f"{name}_local")
    return linear(layers.Add(name=f"{name}_both")([seen, local]), width, f"{name}_projection")


def _biases(x: Any, window: tuple[int, int], width: int, heads: int, name: str) -> Any:
    """Position biases by a small network. Shapes: any -> (relative positions, heads)."""
    y = RelativePositions(window, name=f"{name}_offsets")(x)
    y = linear(y, width, f"{name}_positions")
    for step, size in enumerate((width, width, heads), start=1):
        y = layers.ReLU(name=f"{name}_positions{step}_act")(normed(y, f"{name}_positions{step}_norm"))
        y = linear(y, size, f"{name}_positions{step}_linear")
    return y


def _local(qkv: Any, name: str) -> Any:
    """The values, convolved. Shapes: (N, H, W, 3 * C) -> (N, H, W, C)."""
    width = qkv.shape[-1] // 3
    y = DepthwiseConv(3, name=f"{name}_local")(Channels(2 * width, 3 * width, name=f"{name}_values")(qkv))
    return Gelu(name=f"{name}_local_gelu")(BatchNorm(name=f"{name}_local_norm")(y))


def _of_channels(x: Any, name: str) -> Any:
    """The weight of each channel. Shapes: (N, H, W, C) -> (N, 1, 1, C)."""
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_channels_mean")(x)
    return _weights(y, x.shape[-1] // 8, x.shape[-1], f"{name}_channels")


def _of_places(x: Any, name: str) -> Any:
    """The weight of each pixel. Shapes: (N, H, W, C) -> (N, H, W, 1)."""
    return _weights(x, x.shape[-1] // 16, 1, f"{name}_places")


def _weights(x: Any, inner: int, outer: int, name: str) -> Any:
    y = Gelu(name=f"{name}_gelu")(BatchNorm(name=f"{name}_norm")(conv(x, inner, f"{name}0", 1)))
    return layers.Activation("sigmoid", name=f"{name}_sigmoid")(conv(y, outer, f"{name}1", 1))


def _weighted(x: Any, weights: Any, name: str) -> Any:
    return layers.Multiply(name=f"{name}_weighted")([x, weights])


def _gated(x: Any, hidden: int, name: str) -> Any:
    """A feed-forward part with a spatial gate. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    half = hidden // 2
    y = Gelu(name=f"{name}_gelu")(linear(x, hidden, f"{name}_fc1"))
    kept, gate = Channels(0, half, name=f"{name}_kept")(y), Channels(half, 2 * half, name=f"{name}_gating")(y)
    gate = DepthwiseConv(3, name=f"{name}_gate")(normed(gate, f"{name}_gate_norm"))
    return linear(layers.Multiply(name=f"{name}_gated")([kept, gate]), x.shape[-1], f"{name}_fc2")
