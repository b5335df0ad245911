"""PatchGAN: a critic that scores each patch of an image separately."""

from __future__ import annotations

from typing import Any

import keras

from img2imgkit.nn.layers import BlurDown, SpectralConv, initializer, normalized
from img2imgkit.nn.layers.convolution import Init
from img2imgkit.nn.layers.norm import Norm


def patch_critic(
    channels: int = 3,
    width: int = 64,
    layers: int = 3,
    norm: Norm = "batch",
    spectral: bool = False,
    antialias: bool = False,
    init: Init = "normal",
) -> keras.Model:
    """PatchGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 6.1.2); ``layers=3``: 70x70 pixels.

    The scores are float32 under every precision policy.

    Shapes:
        (N, H, W, channels), H and W at least 2**(layers + 2) -> (N, h, w, 1), any range; without anti-aliasing h is
        H / 2**layers, rounded down, less 2

    Args:
        layers: convolutions of stride 2; their widths double up to 8 * width
        spectral: spectral normalization of every convolution, see ``SpectralConv``
        antialias: downsample by ``BlurDown``, as in CUT (Park et al. 2020, https://arxiv.org/abs/2007.15651)
        init: kernel initializer, see ``initializer``

    >>> ops.shape(patch_critic(width=2)(ops.zeros((1, 64, 64, 3))))
    (1, 6, 6, 1)
    """
    use_bias = norm == "instance" or (spectral and norm == "none")  # the official networks have no bias without a norm
    source = keras.Input((None, None, channels), name="source")
    x = source
    for number in range(layers + 1):
        halves = number < layers
        stride = 2 if halves and not antialias else 1
        filters, first = width * min(2**number, 8), number == 0
        x = _conv(x, filters, stride, first or use_bias, spectral, init, f"conv{number}")
        x = x if first else normalized(x, norm, f"norm{number}")
        x = _leaky(x, f"act{number}")
        x = BlurDown(name=f"blur{number}")(x) if halves and antialias else x
    scores = _conv(x, 1, 1, True, spectral, init, f"conv{layers + 1}", dtype="float32")
    return keras.Model(source, scores, name="patch_critic")


def _leaky(x: Any, name: str) -> Any:
    return keras.layers.LeakyReLU(0.2, name=name)(x)


def _conv(
    x: Any, filters: int, stride: int, use_bias: bool, spectral: bool, init: Init, name: str, dtype: str | None = None
) -> Any:
    x = keras.layers.ZeroPadding2D(1, dtype=dtype, name=f"{name}_pad")(x)
    options: dict[str, Any] = {"use_bias": use_bias, "kernel_initializer": initializer(init), "dtype": dtype}
    layer = SpectralConv if spectral else keras.layers.Conv2D
    return layer(filters, 4, stride, name=name, **options)(x)
