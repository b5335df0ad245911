"""SPAN: a small network whose attention has no parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.nn.enlarging import less_mean
from img2imgkit.nn.layers.shuffle import PixelShuffle

BLOCKS, INSIDE = 6, 3
BRANCHED = 5  # block whose first convolution is read at the end, too


def span(
    scale: int = 4,
    width: int = 48,
    centred: bool = True,
    gain: float = 255.0,
    mean: Sequence[float] = DIV2K,
    channels: int = 3,
    out_channels: int | None = None,
) -> keras.Model:
    """SPAN (Wan et al. 2023, https://arxiv.org/abs/2311.12770, section 3).

    The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, out_channels), about the same range
    Departs from the paper: each convolution is the one that the paper's branches of training add up to.

    Args:
        centred: whether to subtract the mean and to scale; three channels
        gain: scale of the mean-subtracted input
        mean: mean of each channel

    >>> ops.shape(span(scale=2, width=4)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source, written = keras.Input((None, None, channels), name="source"), out_channels or channels
    first = _conv(less_mean(source, mean, gain) if centred else source, width, "first")  # (N, H, W, width)
    x, kept = first, []
    for number in range(BLOCKS):
        x, inside = _block(x, f"block{number}")
        kept.append((x, inside))
    body = _conv(x, width, "body")
    joined = layers.Concatenate(name="all")([first, body, kept[0][0], kept[BRANCHED][1]])
    x = layers.Conv2D(width, 1, kernel_initializer="he_normal", name="joined")(joined)
    x = _conv(x, written * scale**2, "last", "float32")
    return keras.Model(source, PixelShuffle(scale, dtype="float32", name="shuffle")(x), name="span")


def _block(x: Any, name: str) -> tuple[Any, Any]:
    """Three convolutions and a residual, weighted by a symmetric function of the former.

    Shapes:
        (N, H, W, C) -> (N, H, W, C), and the first convolution's activation, (N, H, W, C)
    """
    activations, y = [], x
    for number in range(INSIDE - 1):
        y = layers.Activation("silu", name=f"{name}_act{number}")(_conv(y, x.shape[-1], f"{name}_conv{number}"))
        activations.append(y)
    y = _conv(y, x.shape[-1], f"{name}_conv{INSIDE - 1}")
    weight = layers.Rescaling(1.0, -0.5, name=f"{name}_symmetric")(
        layers.Activation("sigmoid", name=f"{name}_attention")(y)
    )
    total = layers.Add(name=f"{name}_sum")([x, y])
    return layers.Multiply(name=f"{name}_weighted")([total, weight]), activations[0]


def _conv(x: Any, filters: int, name: str, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", dtype=dtype, name=name)(x)
