"""HAT: Swin transformer blocks with channel attention beside, and overlapping cross-attention after them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.layers.attention import OverlappingAttention
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.transformer import (
    Connection,
    conv,
    linear,
    mlp,
    normed,
    residual,
    squeezed,
    swin_block,
    transformer,
)


def hat(
    scale: int = 4,
    width: int = 180,
    depths: Sequence[int] = (6,) * 6,
    heads: Sequence[int] = (6,) * 6,
    window: int = 16,
    shifted: bool = True,
    overlap: float = 0.5,
    compress: int = 3,
    squeeze: int = 30,
    conv_scale: float = 0.01,
    mlp_ratio: float = 2.0,
    qkv_bias: bool = True,
    patch_norm: bool = True,
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """HAT (Chen et al. 2023, https://arxiv.org/abs/2205.04437, section 3); see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        overlap: by how much the windows of keys are larger than those of queries, as a part of these
        compress, squeeze: by how much the channels are reduced inside the convolutions and in their channel attention
        gain: scale of the mean-subtracted input

    >>> small = hat(2, 4, (2,), (2,), window=4, compress=2, squeeze=2)
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    hidden, inner = round(width * mlp_ratio), (width // compress, width // squeeze)

    def group(x: Any, number: int) -> Any:
        name, y = f"group{number}", x
        for each in range(depths[number]):
            block, moved = f"{name}_block{each}", window // 2 if shifted and each % 2 else 0
            convs = partial(_convolved, inner=inner, scale=conv_scale, name=block)
            y = swin_block(y, heads[number], window, moved, hidden, qkv_bias, block, convs)
        y = _overlapping(y, (heads[number], window, overlap), hidden, qkv_bias, f"{name}_overlapping")
        return residual(x, y, connection, name, f"{name}_conv")

    return transformer(
        "hat",
        group,
        len(depths),
        scale=scale,
        width=width,
        window=window,
        norm="patch_norm" if patch_norm else "",
        upsampler="pixelshuffle",
        factors=enlargements(scale),
        connection=connection,
        features=features,
        gain=gain,
        mean=mean,
    )


def _convolved(x: Any, inner: tuple[int, int], scale: float, name: str) -> Any:
    """Convolutions with channel attention, weighted. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    y = Gelu(name=f"{name}_conv_gelu")(conv(x, inner[0], f"{name}_conv0"))
    y = squeezed(conv(y, x.shape[-1], f"{name}_conv1"), inner[1], name)
    return layers.Rescaling(scale, name=f"{name}_weighted")(y)


def _overlapping(x: Any, sizes: tuple[int, int, float], hidden: int, bias: bool, name: str) -> Any:
    """An overlapping cross-attention block of some heads, window and overlap. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width, (heads, window, overlap) = x.shape[-1], sizes
    seen = OverlappingAttention(heads, window, window + round(window * overlap), name=f"{name}_attention")(
        linear(normed(x, f"{name}_norm1"), 3 * width, f"{name}_qkv", bias)
    )
    x = layers.Add(name=f"{name}_sum1")([linear(seen, width, f"{name}_projection"), x])
    return layers.Add(name=f"{name}_sum2")([x, mlp(normed(x, f"{name}_norm2"), hidden, name)])
