"""SwinIR: convolutions around groups of Swin transformer blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.transformer_options import factors_of
from img2imgkit.nn.transformer import Connection, Upsampler, residual, swin_block, transformer


def swinir(
    scale: int = 2,
    width: int = 180,
    depths: Sequence[int] = (6,) * 6,
    heads: Sequence[int] = (6,) * 6,
    window: int = 8,
    shifted: bool = True,
    mlp_ratio: float = 2.0,
    qkv_bias: bool = True,
    patch_norm: bool = True,
    upsampler: Upsampler = "pixelshuffle",
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """SwinIR (Liang et al. 2021, https://arxiv.org/abs/2108.10257, section 3); see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        gain: scale of the mean-subtracted input

    >>> small = swinir(3, 4, (2,), (2,), window=4, upsampler="pixelshuffledirect")
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 15, 18, 3)
    """
    hidden = round(width * mlp_ratio)

    def group(x: Any, number: int) -> Any:
        name, y = f"group{number}", x
        for each in range(depths[number]):
            moved = window // 2 if shifted and each % 2 else 0
            y = swin_block(y, heads[number], window, moved, hidden, qkv_bias, f"{name}_block{each}")
        return residual(x, y, connection, name, f"{name}_conv")

    return transformer(
        "swinir",
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
