"""EDSR: residual blocks without normalization, then pixel shuffles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.architectures.srresnet.srresnet import residual_block
from img2imgkit.nn.layers import initializer
from img2imgkit.nn.layers.shuffle import PixelShuffle

DIV2K = (0.4488, 0.4371, 0.4040)  # mean R, G and B of the data set, in [0, 1]


def edsr(
    scale: int = 4,
    width: int = 64,
    blocks: int = 16,
    residual_scale: float = 1.0,
    gain: float = 255.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """EDSR (Lim et al. 2017, https://arxiv.org/abs/1707.02921, section 3) as in BasicSR; the small network by default.

    The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        residual_scale: factor of what each block adds; 0.1 in the paper's large network of 256 filters
        gain: scale of the mean-subtracted input
        mean: mean of each channel

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.

    >>> ops.shape(edsr(scale=3, width=4, blocks=1)(ops.zeros((1, 5, 6, 3))))
    (1, 15, 18, 3)
    """
    factors = enlargements(scale)
    source = keras.Input((None, None, len(mean)), name="source")
    centred = layers.Rescaling(gain, [-gain * each for each in mean], dtype="float32", name="centred")(source)
    first = _conv(centred, width, "first")  # (N, H, W, width)
    x = first
    for number in range(blocks):
        x = residual_block(x, f"block{number}", lambda: initializer("uniform"), residual_scale)
    x = layers.Add(name="body_sum")([first, _conv(x, width, "body")])
    for number, factor in enumerate(factors):
        x = _conv(x, width * factor**2, f"up{number}_conv")
        x = PixelShuffle(factor, name=f"up{number}_shuffle")(x)
    x = _conv(x, len(mean), "last", dtype="float32")  # (N, scale * H, scale * W, C)
    shown = layers.Rescaling(1 / gain, list(mean), dtype="float32", name="shown")(x)
    return keras.Model(source, shown, name="edsr")


def _conv(x: Any, filters: int, name: str, dtype: str | None = None) -> Any:
    kernels = initializer("uniform")
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=kernels, dtype=dtype, name=name)(x)
