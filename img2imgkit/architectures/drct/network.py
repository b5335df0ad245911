"""DRCT: groups of Swin transformer blocks, each of which reads the outputs of all before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.drct.heads import heads_for
from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.layers.shuffle import ScaledSum
from img2imgkit.nn.transformer import LEAK, Connection, conv, swin_block, transformer

BLOCKS = 5  # in each group
RESIDUAL = 0.2  # residual scaling of a group


def drct(
    scale: int = 4,
    width: int = 180,
    heads: Sequence[int] = (6,) * 6,
    window: int = 16,
    shifted: bool = True,
    growth: int = 32,
    mlp_ratio: float = 2.0,
    qkv_bias: bool = True,
    patch_norm: bool = True,
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """DRCT (Hsu et al. 2024, https://arxiv.org/abs/2404.00722, section 3); see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        heads: attention heads of the first block of each group, see ``heads_for``
        growth: channels that each block adds
        gain: scale of the mean-subtracted input

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.

    >>> small = drct(2, 4, (2,), window=4, growth=2, features=4)
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """

    def group(x: Any, number: int) -> Any:
        found = [x]
        for each in range(BLOCKS):
            name, last = f"group{number}_block{each}", each == BLOCKS - 1
            y = layers.Concatenate(name=f"{name}_cat")(found) if each else x
            moved = window // 2 if shifted and each % 2 else 0
            hidden = round(y.shape[-1] * (mlp_ratio if each < 3 else 1))
            y = swin_block(y, heads_for(y.shape[-1], heads[number], width), window, moved, hidden, qkv_bias, name)
            y = conv(y, width if last else growth, f"group{number}_adjust{each}", 1)
            found.append(y if last else layers.LeakyReLU(LEAK, name=f"group{number}_act{each}")(y))
        return ScaledSum(RESIDUAL, name=f"group{number}_sum")([x, found[-1]])

    return transformer(
        "drct",
        group,
        len(heads),
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
