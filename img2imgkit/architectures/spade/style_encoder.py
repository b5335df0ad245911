"""The encoder that turns a picture into the code of its style, as SPADE uses it."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import InstanceNorm, SpectralConv, initializer
from img2imgkit.nn.layers.resizing import ResizedTo

SIDE = 256  # pixels that every picture is resized to
WIDTHS = (1, 2, 4, 8, 8, 8)  # of the convolutions, times width; each halves


def style_encoder(width: int = 64, latent: int = 256, channels: int = 3) -> keras.Model:
    """Mean and log variance of a picture's code (Park et al. 2019, https://arxiv.org/abs/1903.07291, appendix A).

    As published: the picture is resized to 256x256 (bilinear), and convolutions with spectral and instance
    normalization halve it to 4x4. Both outputs are float32 whatever the precision of the layers before.

    Shapes:
        (N, H, W, channels) in [-1, 1], any size -> two of (N, latent)

    >>> mean, log_variance = style_encoder(width=2, latent=8)(ops.zeros((1, 20, 30, 3)))
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
    x = layers.Permute((3, 1, 2), name="channels_first")(x)  # the official order of what the last layers read
    x = layers.Flatten(name="flat")(x)
    outputs = [
        layers.Dense(latent, kernel_initializer=initializer("xavier"), dtype="float32", name=name)(x)
        for name in ("mean", "log_variance")
    ]
    return keras.Model(picture, outputs, name="style_encoder")
