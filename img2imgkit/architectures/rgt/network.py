"""RGT: transformer blocks that attend to windows and to a reduced map by turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.convolution import DepthwiseConv, initializer
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.recursion import FACTOR, LayerScale, ReducedAttention
from img2imgkit.nn.transformer import (
    Connection,
    attended_both_ways,
    dense,
    gated_mlp,
    linear,
    normed,
    residual,
    shifts_both_ways,
    transformer,
)

RECURSIONS = 2  # before the first map that is attended to
MAPS = 3  # which are attended to, up to pictures with sides of 16383 pixels


def rgt(
    scale: int = 4,
    width: int = 180,
    depths: Sequence[int] = (6,) * 8,
    heads: Sequence[int] = (6,) * 8,
    split: tuple[int, int] = (8, 32),
    mlp_ratio: float = 2.0,
    channel_ratio: float = 0.5,
    qkv_bias: bool = True,
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """RGT (Chen et al. 2024, https://arxiv.org/abs/2303.06373, section 3).

    Windows beyond the border see zeros, as in the official code; see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1], C is ``len(mean)``, H and W are at least 16 -> (N, scale * H, scale * W, C)
    Departs from the official code: training reduces maps as often as inference does.

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        split: height and width of the windows of the first half of the heads; those of the second half lie across
        channel_ratio: width of queries and keys of reduced maps, as a multiple of ``width``
        gain: scale of the mean-subtracted input

    >>> small = rgt(2, 32, (3,), (2,), split=(2, 4))
    >>> ops.shape(small(ops.zeros((1, 16, 17, 3))))
    (1, 32, 34, 3)
    """
    hidden, inner = round(width * mlp_ratio), round(width * channel_ratio)

    def group(x: Any, number: int) -> Any:
        y = x
        for each in range(depths[number]):
            name, count, shifted = f"group{number}_block{each}", heads[number], shifts_both_ways(number, each)
            seen = normed(y, f"{name}_norm1")
            if each % 2:
                seen = _of_reduced_map(seen, count, inner, qkv_bias, name)
            else:
                seen = _of_windows(seen, count, split, shifted, qkv_bias, name)
            y = _block(y, seen, hidden, name)
        return residual(x, y, connection, f"group{number}", f"group{number}_conv")

    return transformer(
        "rgt",
        group,
        len(depths),
        scale=scale,
        width=width,
        norm="norm_before",
        upsampler="pixelshuffle",
        factors=enlargements(scale),
        connection=connection,
        features=features,
        gain=gain,
        mean=mean,
    )


def _block(x: Any, seen: Any, hidden: int, name: str) -> Any:
    """A block around what it has attended to, with its input once more. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    y = layers.Add(name=f"{name}_sum1")([x, seen])
    y = layers.Add(name=f"{name}_sum2")([y, gated_mlp(normed(y, f"{name}_norm2"), hidden, name)])
    return layers.Add(name=f"{name}_sum3")([y, LayerScale(name=f"{name}_scale")(x)])


def _of_windows(x: Any, heads: int, split: tuple[int, int], shifted: bool, bias: bool, name: str) -> Any:
    """Rectangle-window self-attention, and the values, convolved. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    qkv = linear(x, 3 * width, f"{name}_qkv", bias)
    values = ChannelRange(2 * width, 3 * width, name=f"{name}_values")(qkv)
    local = DepthwiseConv(3, name=f"{name}_local")(values)
    seen = attended_both_ways(qkv, heads, split, shifted, name)
    return linear(layers.Add(name=f"{name}_both")([seen, local]), width, f"{name}_projection")


def _of_reduced_map(x: Any, heads: int, inner: int, bias: bool, name: str) -> Any:
    """Recursive-generalization self-attention. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width, y, maps = x.shape[-1], x, []
    reduced = DepthwiseConv(FACTOR, strides=FACTOR, name=f"{name}_reduced")
    local, norm = DepthwiseConv(3, name=f"{name}_local"), layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")
    mixed = layers.Conv2D(inner, 1, kernel_initializer=initializer("uniform"), name=f"{name}_mixed")
    key, value = dense(inner, f"{name}_key", bias), dense(width, f"{name}_value", bias)
    position = DepthwiseConv(3, name=f"{name}_position")
    for number in range(RECURSIONS + MAPS - 1):
        y = reduced(y)
        if number >= RECURSIONS - 1:
            found = Gelu(name=f"{name}_gelu{number}")(norm(mixed(local(y))))
            values = value(found)
            maps += [key(found), layers.Add(name=f"{name}_values{number}")([values, position(values)])]
    attention = ReducedAttention(heads, FACTOR**RECURSIONS, name=f"{name}_attention")
    return linear(attention([linear(x, inner, f"{name}_query", bias), *maps]), width, f"{name}_projection")
