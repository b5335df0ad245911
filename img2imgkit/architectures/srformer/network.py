"""SRFormer: convolutions around groups of transformer blocks with permuted self-attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.transformer_options import factors_of
from img2imgkit.nn.layers.attention import PermutedAttention
from img2imgkit.nn.transformer import Connection, Upsampler, convolved_mlp, linear, normed, residual, transformer

KERNEL = 5  # of the depthwise convolutions


def srformer(
    scale: int = 2,
    width: int = 180,
    depths: Sequence[int] = (6,) * 6,
    heads: Sequence[int] = (6,) * 6,
    window: int = 24,
    shifted: bool = True,
    masked: bool = True,
    mlp_ratio: float = 2.0,
    qkv_bias: bool = True,
    patch_norm: bool = True,
    upsampler: Upsampler = "pixelshuffle",
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """SRFormer (Zhou et al. 2023, https://arxiv.org/abs/2303.09735, section 3); see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        gain: scale of the mean-subtracted input

    >>> small = srformer(3, 4, (2,), (2,), window=4, upsampler="pixelshuffledirect")
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 15, 18, 3)
    """
    hidden = round(width * mlp_ratio)

    def group(x: Any, number: int) -> Any:
        name, y = f"group{number}", x
        for each in range(depths[number]):
            moved = window // 2 if shifted and each % 2 else 0
            attention = PermutedAttention(heads[number], window, moved, masked, name=f"{name}_block{each}_attention")
            y = _block(y, attention, hidden, qkv_bias, f"{name}_block{each}")
        return residual(x, y, connection, name, f"{name}_conv")

    return transformer(
        "srformer",
        group,
        len(depths),
        scale=scale,
        width=width,
        window=window,
        norm="patch_norm" if patch_norm else "",
        upsampler=upsampler,
        factors=factors_of(upsampler, scale),
        connection=connection,
        features=features,
        gain=gain,
        mean=mean,
    )


def _block(x: Any, attention: keras.Layer, hidden: int, qkv_bias: bool, name: str) -> Any:
    """A block with permuted self-attention. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width, y = x.shape[-1], normed(x, f"{name}_norm1")
    rest = linear(y, width // 2, f"{name}_key_value", qkv_bias)
    seen = attention([linear(y, width, f"{name}_query", qkv_bias), rest])
    x = layers.Add(name=f"{name}_sum1")([x, linear(seen, width, f"{name}_projection")])
    return layers.Add(name=f"{name}_sum2")([x, convolved_mlp(normed(x, f"{name}_norm2"), hidden, KERNEL, name)])
