"""PLKSR: blocks with large kernels for a part of the channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.plksr.mixers import Mixer, kernel_sizes
from img2imgkit.nn.enlarging import added_to_nearest, with_large_kernels
from img2imgkit.nn.layers.gating import Gelu


def plksr(
    scale: int = 4,
    width: int = 64,
    blocks: int = 28,
    mixer: Mixer = "doubled",
    kernel_size: int = 17,
    large: int = 16,
    identity: bool = False,
    attention: bool = True,
    channels: int = 3,
) -> keras.Model:
    """PLKSR (Lee et al. 2024, https://arxiv.org/abs/2404.11848, section 3).

    The output is the nearest-neighbour upsampled input plus a residual. The last layers are float32 under every
    precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels), about the same range

    Args:
        mixer: which of a block's first two convolutions have 3x3 kernels
        large: channels that the large kernels read and write
        identity: whether these channels are added to what the large kernels make of them

    >>> ops.shape(plksr(scale=2, width=4, blocks=1, kernel_size=5, large=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    x = _conv(source, width, 3, "first")  # (N, H, W, width)
    for number in range(blocks):
        name = f"block{number}"
        y = _mixed(x, mixer, name)
        y = with_large_kernels(y, large, kernel_size, name, _kernels, identity)
        if attention:
            weight = layers.Activation("sigmoid", name=f"{name}_weight")(_conv(y, width, 3, f"{name}_attention"))
            y = layers.Multiply(name=f"{name}_weighted")([y, weight])
        x = layers.Add(name=f"{name}_sum")([x, _conv(y, width, 1, f"{name}_refine")])
    return keras.Model(source, added_to_nearest(x, source, scale, "last"), name="plksr")


def _mixed(x: Any, mixer: Mixer, name: str) -> Any:
    """Two convolutions, twice as wide in between. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width, (first, second) = x.shape[-1], kernel_sizes(mixer)
    y = Gelu(name=f"{name}_act")(_conv(x, 2 * width, first, f"{name}_mix0"))
    return _conv(y, width, second, f"{name}_mix1")


def _kernels() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=0.02)


def _conv(x: Any, filters: int, size: int, name: str) -> Any:
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=_kernels(), name=name)(x)
