"""The style encoder of SPADE: the distribution of an image's style code."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import InstanceNorm, SpectralConv, initializer
from img2imgkit.nn.layers.resizing import ResizedTo

SIDE = 256  # pixels; every image is resized to this
WIDTHS = (1, 2, 4, 8, 8, 8)  # filters of the convolutions of stride 2, times width


def style_encoder(width: int = 64, code: int = 256, channels: int = 3) -> keras.Model:
    """Mean and log variance of an image's style code (Park et al. 2019, https://arxiv.org/abs/1903.07291, appendix A).

    The image is resized to 256x256 (bilinear), and convolutions with spectral and instance normalization downsample it
    to 4x4. Both outputs are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [-1, 1], any size -> two of (N, code)

    >>> mean, log_variance = style_encoder(width=2, code=8)(ops.zeros((1, 20, 30, 3)))
    >>> ops.shape(mean)
    (1, 8)
    """
    picture = keras.Input((None, None, channels), name="picture")
    x: Any = ResizedTo(SIDE, SIDE, dtype="float32", name="resized")(picture)
    for number, times in enumerate(WIDTHS, 1):
        if number > 1:
            x = layers.LeakyReLU(0.2, name=f"act{number}")(x)
        x = layers.ZeroPadding2D(1, name=f"conv{number}_pad")(x)
        convolution = SpectralConv(
            times * width, 3, 2, use_bias=False, kernel_initializer=initializer("xavier"), name=f"conv{number}"
        )
        x = InstanceNorm(name=f"norm{number}")(convolution(x))
    x = layers.LeakyReLU(0.2, name="last_act")(x)
    x = layers.Permute((3, 1, 2), name="channels_first")(x)  # the official order of the last layers' inputs
    x = layers.Flatten(name="flat")(x)
    outputs = [
        layers.Dense(code, kernel_initializer=initializer("xavier"), dtype="float32", name=name)(x)
        for name in ("mean", "log_variance")
    ]
    return keras.Model(picture, outputs, name="style_encoder")
