"""The compact super-resolution network: all work at low resolution, then one pixel shuffle."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers.shuffle import PixelShuffle

Activation = Literal["prelu", "leaky_relu", "relu"]
LEAK = 0.1


def srvgg(
    scale: int = 4, width: int = 64, depth: int = 16, activation: Activation = "prelu", channels: int = 3
) -> keras.Model:
    """SRVGGNetCompact of Real-ESRGAN (Wang et al. 2021, https://arxiv.org/abs/2107.10833): a stack of convolutions.

    The output is the nearest-neighbour enlargement plus what the stack adds; fresh weights add almost nothing. The sum
    is made in float32 whatever the precision of the stack.

    Shapes:
        (N, H, W, channels), any range -> (N, scale * H, scale * W, channels), the same range
    Departs from the paper: the channels before the shuffle are in TensorFlow's order, see ``PixelShuffle``.

    >>> ops.shape(srvgg(scale=2, width=4, depth=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    x = source
    for number in range(depth + 1):
        body = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=f"conv{number}")
        x = activated(activation, f"act{number}")(body(x))  # (N, H, W, width)
    return keras.Model(source, added_to_nearest(x, source, scale, f"conv{depth + 1}"), name="srvgg")


def added_to_nearest(x: Any, source: Any, scale: int, name: str) -> Any:
    """The source's nearest-neighbour enlargement, plus a last convolution of ``x`` (called ``name``) and its shuffle.

    Fresh weights add almost nothing. The sum is made in float32 whatever the precision of what comes before.

    Shapes:
        x (N, H, W, any), source (N, H, W, channels) -> (N, scale * H, scale * W, channels)
    """
    near_zero = keras.initializers.RandomNormal(stddev=1e-3)
    filters = source.shape[-1] * scale**2
    last = layers.Conv2D(filters, 3, padding="same", kernel_initializer=near_zero, dtype="float32", name=name)
    x = PixelShuffle(scale, dtype="float32", name="shuffle")(last(x))  # (N, scale * H, scale * W, channels)
    nearest = layers.UpSampling2D(scale, interpolation="nearest", dtype="float32", name="nearest")(source)
    return layers.Add(dtype="float32", name="sum")([x, nearest])


def activated(kind: Activation, name: str) -> keras.Layer:
    """A new activation layer of that kind."""
    if kind == "prelu":
        return layers.PReLU(
            alpha_initializer=keras.initializers.Constant(0.25), shared_axes=[1, 2], name=name
        )  # one slope per channel
    if kind == "leaky_relu":
        return layers.LeakyReLU(LEAK, name=name)
    return layers.ReLU(name=name)
