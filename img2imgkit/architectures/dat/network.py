"""DAT: transformer blocks that attend to places and to channels by turns, each beside a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.transformer_options import factors_of
from img2imgkit.nn.layers.attention import ChannelSelfAttention
from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.convolution import DepthwiseConv
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.norm import BatchNorm
from img2imgkit.nn.transformer import (
    Connection,
    Upsampler,
    attended_both_ways,
    conv,
    gated_mlp,
    linear,
    normed,
    residual,
    shifts_both_ways,
    transformer,
)


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

    def group(x: Any, number: int) -> Any:
        y = _blocks(x, number, depths[number], heads[number], split, hidden, qkv_bias)
        return residual(x, y, connection, f"group{number}", f"group{number}_conv")

    return transformer(
        "dat",
        group,
        len(depths),
        scale=scale,
        width=width,
        norm="norm_before",
        upsampler=upsampler,
        factors=factors_of(upsampler, scale),
        connection=connection,
        features=features,
        gain=gain,
        mean=mean,
    )


def _blocks(x: Any, group: int, depth: int, heads: int, split: tuple[int, int], hidden: int, qkv_bias: bool) -> Any:
    """The blocks of a group. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    for number in range(depth):
        name = f"group{group}_block{number}"
        seen = normed(x, f"{name}_norm1")
        if number % 2:
            seen = _between_channels(seen, heads, qkv_bias, name)
        else:
            seen = _between_places(seen, heads, split, shifts_both_ways(group, number), qkv_bias, name)
        x = layers.Add(name=f"{name}_sum1")([x, seen])
        x = layers.Add(name=f"{name}_sum2")([x, gated_mlp(normed(x, f"{name}_norm2"), hidden, name)])
    return x


def _between_places(x: Any, heads: int, split: tuple[int, int], shifted: bool, bias: bool, name: str) -> Any:
    """Adaptive spatial self-attention. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    qkv = linear(x, 3 * width, f"{name}_qkv", bias)
    seen = attended_both_ways(qkv, heads, split, shifted, name)
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


def _local(qkv: Any, name: str) -> Any:
    """The values, convolved. Shapes: (N, H, W, 3 * C) -> (N, H, W, C)."""
    width = qkv.shape[-1] // 3
    y = DepthwiseConv(3, name=f"{name}_local")(ChannelRange(2 * width, 3 * width, name=f"{name}_values")(qkv))
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
