"""RRDBNet: the generator of ESRGAN, Real-ESRGAN and ESRGAN+."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.enlarging import weakened_kernels
from img2imgkit.nn.layers import initializer
from img2imgkit.nn.layers.resizing import Repeated
from img2imgkit.nn.layers.shuffle import PixelUnshuffle, ScaledSum

LEAK = 0.2
RESIDUAL = 0.2  # residual scaling
DENSE = 5  # convolutions per dense block
TRIPLE = 3  # dense blocks per RRDB


def rrdb(
    scale: int = 4,
    width: int = 64,
    blocks: int = 23,
    growth: int = 32,
    unshuffle: int = 1,
    inner: bool = False,
    channels: int = 3,
    out_channels: int | None = None,
) -> keras.Model:
    """Residual blocks of residual dense blocks (Wang et al. 2018, https://arxiv.org/abs/1809.00219, section 3.1).

    The last convolution is float32 under every precision policy.

    Shapes:
        (N, H, W, channels), any range, H and W multiples of ``unshuffle`` -> (N, scale * H, scale * W,
            out_channels)

    Args:
        growth: growth rate, filters that each convolution of a dense block adds
        unshuffle: factor of a pixel unshuffle of the input, so that all layers run at a lower resolution: Real-ESRGAN
            (Wang et al. 2021, https://arxiv.org/abs/2107.10833, section 3.3) has 2 for scale 2, and 4 for scale 1
        inner: residuals inside the dense blocks, without the noise that ESRGAN+ adds in training (Rakotonirina &
            Rasoanaivo 2020, https://arxiv.org/abs/2001.08073, section 3.1)

    Raises:
        ValueError: ``scale * unshuffle`` is neither 3 nor a power of 2.

    >>> ops.shape(rrdb(scale=2, width=4, blocks=1, growth=2, unshuffle=2)(ops.zeros((1, 6, 8, 3))))
    (1, 12, 16, 3)
    """
    factors = enlargements(scale * unshuffle)
    source, written = keras.Input((None, None, channels), name="source"), out_channels or channels
    x = PixelUnshuffle(unshuffle, name="unshuffle")(source) if unshuffle > 1 else source
    first = _conv(x, width, "first")  # (N, H / unshuffle, W / unshuffle, width)
    x = first
    for number in range(blocks):
        y = x
        for inside in range(TRIPLE):
            y = _dense(y, growth, inner, f"block{number}_{inside}")
        x = ScaledSum(RESIDUAL, name=f"block{number}_sum")([x, y])
    x = layers.Add(name="body_sum")([first, _conv(x, width, "body")])
    for number, factor in enumerate(factors):
        x = Repeated(factor, name=f"up{number}_nearest")(x)
        x = _leaky(_conv(x, width, f"up{number}_conv"), f"up{number}_act")
    x = _leaky(_conv(x, width, "fine"), "fine_act")  # (N, scale * H, scale * W, width)
    return keras.Model(source, _conv(x, written, "last", dtype="float32"), name="rrdb")


def _dense(x: Any, growth: int, inner: bool, name: str) -> Any:
    """A dense block: each convolution reads the outputs of all before it. Shapes: (N, H, W, C) -> (N, H, W, C).

    With ``inner``, every second output has a residual: of the block's input by a 1x1 convolution, then of the output
    two before it.
    """
    found = [x]
    for number in range(DENSE):
        filters = x.shape[-1] if number == DENSE - 1 else growth
        seen = layers.Concatenate(name=f"{name}_cat{number}")(found) if number else x
        conv = layers.Conv2D(
            filters, 3, padding="same", kernel_initializer=weakened_kernels(), name=f"{name}_conv{number}"
        )
        y = conv(seen) if number == DENSE - 1 else _leaky(conv(seen), f"{name}_act{number}")
        if inner and number == 1:
            skip = layers.Conv2D(growth, 1, use_bias=False, kernel_initializer=weakened_kernels(), name=f"{name}_inner")
            y = layers.Add(name=f"{name}_inner1")([y, skip(x)])
        if inner and number == 3:
            y = layers.Add(name=f"{name}_inner3")([y, found[2]])
        found.append(y)
    return ScaledSum(RESIDUAL, name=f"{name}_sum")([x, found[-1]])


def _conv(x: Any, filters: int, name: str, dtype: str | None = None) -> Any:
    kernels = initializer("uniform")
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=kernels, dtype=dtype, name=name)(x)


def _leaky(x: Any, name: str) -> Any:
    return layers.LeakyReLU(LEAK, name=name)(x)
