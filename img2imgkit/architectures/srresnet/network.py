"""The residual super-resolution networks: SRResNet as in ESRGAN's code, and EDSR."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import enlargements
from img2imgkit.nn.enlarging import Kernels, less_mean, plus_mean, shuffled_up, weakened_kernels
from img2imgkit.nn.layers import initializer
from img2imgkit.nn.layers.resizing import BilinearUp
from img2imgkit.nn.layers.shuffle import PixelShuffle, ScaledSum

LEAK = 0.1


def srresnet(
    scale: int = 4, width: int = 64, blocks: int = 16, channels: int = 3, out_channels: int | None = None
) -> keras.Model:
    """SRResNet (Ledig et al. 2017, https://arxiv.org/abs/1609.04802, section 2.1.1), ESRGAN's variant ``MSRResNet``.

    The output is the bilinearly upsampled input plus a residual. The sum is float32 under every precision policy.

    Shapes:
        (N, H, W, channels), any range -> (N, scale * H, scale * W, out_channels), the same range; ``channels`` is 1 or
            ``out_channels``
    Departs from the paper, as ESRGAN's official code: no normalization, leaky ReLUs, 3x3 kernels, and bilinear
    upsampling as the long skip (Wang et al. 2018, https://arxiv.org/abs/1809.00219).

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.

    >>> ops.shape(srresnet(scale=4, width=4, blocks=1)(ops.zeros((1, 5, 6, 3))))
    (1, 20, 24, 3)
    """
    factors = enlargements(scale)
    source, written = keras.Input((None, None, channels), name="source"), out_channels or channels
    x = _leaky(_conv(source, width, "first"), "first_act")  # (N, H, W, width)
    for number in range(blocks):
        x = residual_block(x, f"block{number}", weakened_kernels)
    for number, factor in enumerate(factors):
        x = _conv(x, width * factor**2, f"up{number}_conv")
        x = _leaky(PixelShuffle(factor, name=f"up{number}_shuffle")(x), f"up{number}_act")
    x = _leaky(_conv(x, width, "fine"), "fine_act")  # (N, scale * H, scale * W, width)
    x = _conv(x, written, "last", dtype="float32")
    smooth = BilinearUp(scale, dtype="float32", name="smooth")(source)
    return keras.Model(source, layers.Add(dtype="float32", name="sum")([smooth, x]), name="srresnet")


def residual_block(x: Any, name: str, kernels: Kernels, scale: float = 1.0) -> Any:
    """EDSR's block: the input plus ``scale`` times the output of two convolutions.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)
    """
    y = layers.Conv2D(x.shape[-1], 3, padding="same", kernel_initializer=kernels(), name=f"{name}_conv0")(x)
    y = layers.ReLU(name=f"{name}_act")(y)
    y = layers.Conv2D(x.shape[-1], 3, padding="same", kernel_initializer=kernels(), name=f"{name}_conv1")(y)
    return ScaledSum(scale, name=f"{name}_sum")([x, y])


def _conv(x: Any, filters: int, name: str, kernels: Kernels = weakened_kernels, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=kernels(), dtype=dtype, name=name)(x)


def _leaky(x: Any, name: str) -> Any:
    return layers.LeakyReLU(LEAK, name=name)(x)


def edsr(
    scale: int = 4,
    width: int = 64,
    blocks: int = 16,
    residual_scale: float = 1.0,
    gain: float = 255.0,
    mean: Sequence[float] = DIV2K,
    levels: bool = False,
) -> keras.Model:
    """EDSR (Lim et al. 2017, https://arxiv.org/abs/1707.02921, section 3) as in BasicSR; the small network by default.

    The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1], or in [0, ``gain``] with ``levels`` -> (N, scale * H, scale * W, C), about the same
            range; C is ``len(mean)``

    Args:
        residual_scale: factor of what each block adds; 0.1 in the paper's large network of 256 filters
        gain: scale of the mean-subtracted input
        mean: mean of each channel, for values in [0, 1]
        levels: whether values are not scaled, and the mean is in weights, as in EDSR's own code

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.

    >>> ops.shape(edsr(scale=3, width=4, blocks=1)(ops.zeros((1, 5, 6, 3))))
    (1, 15, 18, 3)
    """
    factors, uniform = enlargements(scale), partial(initializer, "uniform")
    source = keras.Input((None, None, len(mean)), name="source")
    first = _conv(less_mean(source, mean, gain, levels), width, "first", uniform)  # (N, H, W, width)
    x = first
    for number in range(blocks):
        x = residual_block(x, f"block{number}", uniform, residual_scale)
    x = layers.Add(name="body_sum")([first, _conv(x, width, "body", uniform)])
    x = _conv(shuffled_up(x, factors, uniform), len(mean), "last", uniform, "float32")
    return keras.Model(source, plus_mean(x, mean, gain, levels), name="edsr")
