"""RealPLKSR: blocks with large kernels for a part of the channels."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.enlarging import added_to_nearest, sampled_up, with_large_kernels
from img2imgkit.nn.layers.channels import RepeatedChannels

LAYER_EPSILON, GROUP_EPSILON = 1e-6, 1e-5


def realplksr(
    scale: int = 4,
    width: int = 64,
    blocks: int = 28,
    kernel_size: int = 17,
    large: int = 16,
    attention: bool = True,
    layer_norm: bool = True,
    norm_groups: int = 4,
    upsampler: Literal["pixelshuffle", "dysample"] = "pixelshuffle",
    sampling_groups: int = 4,
    channels: int = 3,
) -> keras.Model:
    """PLKSR (Lee et al. 2024, https://arxiv.org/abs/2404.11848, section 3) as changed by neosr: RealPLKSR.

    The output is the nearest-neighbour upsampled input plus a residual; with "dysample", samples of both. The last
    layers are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels), about the same range
    Departs from the paper, as neosr and traiNNer-redux: normalization, Mish, and 3x3 kernels in the channel mixer.

    Args:
        large: channels that the large kernels read and write
        layer_norm: normalize each pixel at the start of a block, instead of groups of channels at its end
        sampling_groups: groups of channels whose samples have positions of their own

    >>> ops.shape(realplksr(scale=2, width=4, blocks=1, kernel_size=5, large=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    x = _conv(source, width, 3, "first")  # (N, H, W, width)
    for number in range(blocks):
        name = f"block{number}"
        y = layers.LayerNormalization(epsilon=LAYER_EPSILON, name=f"{name}_norm")(x) if layer_norm else x
        y = _mixed(y, name)
        y = with_large_kernels(y, large, kernel_size, name, _kernels)
        if attention:
            weight = layers.Activation("sigmoid", name=f"{name}_weight")(_conv(y, width, 3, f"{name}_attention"))
            y = layers.Multiply(name=f"{name}_weighted")([y, weight])
        y = _conv(y, width, 1, f"{name}_refine")
        if not layer_norm:
            y = layers.GroupNormalization(norm_groups, epsilon=GROUP_EPSILON, name=f"{name}_norm")(y)
        x = layers.Add(name=f"{name}_sum")([x, y])
    if upsampler == "pixelshuffle":
        return keras.Model(source, added_to_nearest(x, source, scale, "last"), name="realplksr")
    return keras.Model(source, _sampled(x, source, scale, sampling_groups), name="realplksr")


def _mixed(x: Any, name: str) -> Any:
    """Two convolutions, twice as wide in between. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    width = x.shape[-1]
    y = layers.Activation("mish", name=f"{name}_act")(_conv(x, 2 * width, 3, f"{name}_mix0"))
    return _conv(y, width, 3, f"{name}_mix1")


def _sampled(x: Any, source: Any, scale: int, groups: int) -> Any:
    """Shapes: x (N, H, W, any), source (N, H, W, channels) -> (N, scale * H, scale * W, channels)."""
    channels = source.shape[-1]
    last = _conv(x, channels * scale**2, 3, "last", "float32")
    repeated = RepeatedChannels(scale**2, dtype="float32", name="repeated")(source)
    x = layers.Add(dtype="float32", name="sum")([last, repeated])
    x = sampled_up(x, scale, groups)
    return _conv(x, channels, 1, "end", "float32") if scale > 1 else x


def _conv(x: Any, filters: int, size: int, name: str, dtype: str | None = None) -> Any:
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=_kernels(), dtype=dtype, name=name)(x)


def _kernels() -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=0.02)
