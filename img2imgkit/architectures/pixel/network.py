"""PixelGAN: a critic that scores each pixel separately."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import SpectralConv, initializer, normalized
from img2imgkit.nn.layers.convolution import Init
from img2imgkit.nn.layers.norm import Norm


def pixel_critic(
    channels: int = 3, width: int = 64, norm: Norm = "batch", spectral: bool = False, init: Init = "normal"
) -> keras.Model:
    """PixelGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 6.1.2): three 1x1 convolutions.

    The scores are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) -> (N, H, W, 1), any range

    Args:
        spectral: spectral normalization of every convolution, see ``SpectralConv``
        init: kernel initializer, see ``initializer``

    >>> ops.shape(pixel_critic(width=2)(ops.zeros((1, 5, 6, 3))))
    (1, 5, 6, 1)
    """
    use_bias = norm == "instance" or (spectral and norm == "none")
    layer = SpectralConv if spectral else layers.Conv2D

    def conv(x: Any, filters: int, name: str, **options: Any) -> Any:
        return layer(filters, 1, kernel_initializer=initializer(init), name=name, **options)(x)

    source = keras.Input((None, None, channels), name="source")
    x = layers.LeakyReLU(0.2, name="act0")(conv(source, width, "conv0"))
    x = normalized(conv(x, 2 * width, "conv1", use_bias=use_bias), norm, "norm1")
    x = layers.LeakyReLU(0.2, name="act1")(x)
    scores = conv(x, 1, "conv2", use_bias=use_bias, dtype="float32")
    return keras.Model(source, scores, name="pixel_critic")
