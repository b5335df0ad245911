"""RCAN: residual groups of blocks that weight their channels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.enlarging import less_mean, plus_mean, shuffled_up
from img2imgkit.nn.layers import initializer

uniform = partial(initializer, "uniform")


def rcan(
    scale: int = 4,
    width: int = 64,
    groups: int = 10,
    blocks: int = 20,
    reduction: int = 16,
    gain: float = 255.0,
    mean: Sequence[float] = DIV2K,
    levels: bool = False,
) -> keras.Model:
    """RCAN (Zhang et al. 2018, https://arxiv.org/abs/1807.02758, section 3).

    The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1], or in [0, ``gain``] with ``levels`` -> (N, scale * H, scale * W, C), about the same
            range; C is ``len(mean)``

    Args:
        reduction: how many times fewer filters there are inside the channel attention
        gain: scale of the mean-subtracted input
        mean: mean of each channel, for values in [0, 1]
        levels: whether values are not scaled, and the mean is in weights, as in RCAN's own code

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.

    >>> ops.shape(rcan(scale=3, width=4, groups=1, blocks=1, reduction=2)(ops.zeros((1, 5, 6, 3))))
    (1, 15, 18, 3)
    """
    factors = enlargements(scale)
    source = keras.Input((None, None, len(mean)), name="source")
    first = _conv(less_mean(source, mean, gain, levels), width, "first")  # (N, H, W, width)
    x = first
    for group in range(groups):
        y = x
        for block in range(blocks):
            y = _block(y, reduction, f"group{group}_block{block}")
        x = layers.Add(name=f"group{group}_sum")([x, _conv(y, width, f"group{group}_conv")])
    x = layers.Add(name="body_sum")([first, _conv(x, width, "body")])
    x = _conv(shuffled_up(x, factors, uniform), len(mean), "last", dtype="float32")
    return keras.Model(source, plus_mean(x, mean, gain, levels), name="rcan")


def _block(x: Any, reduction: int, name: str) -> Any:
    """Two convolutions, whose channels are weighted by a function of their means. Shapes: (N, H, W, C) -> the same."""
    width = x.shape[-1]
    y = layers.ReLU(name=f"{name}_act")(_conv(x, width, f"{name}_conv0"))
    y = _conv(y, width, f"{name}_conv1")
    mean = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name=f"{name}_mean")(y)  # (N, 1, 1, C)
    few = layers.Conv2D(width // reduction, 1, activation="relu", kernel_initializer=uniform(), name=f"{name}_squeeze")
    many = layers.Conv2D(width, 1, activation="sigmoid", kernel_initializer=uniform(), name=f"{name}_excite")
    weighted = layers.Multiply(name=f"{name}_weighted")([y, many(few(mean))])
    return layers.Add(name=f"{name}_sum")([x, weighted])


def _conv(x: Any, filters: int, name: str, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=uniform(), dtype=dtype, name=name)(x)
