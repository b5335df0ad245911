"""The critic of Real-ESRGAN: a U-Net with a score for every pixel."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import BlurUp, SpectralConv, initializer

LEAK = 0.2
HALVINGS = 3


def unet_critic(channels: int = 3, width: int = 64, skip: bool = True) -> keras.Model:
    """A spectrally normalized U-Net (Wang et al. 2021, https://arxiv.org/abs/2107.10833, section 3.4).

    ``UNetDiscriminatorSN``: upsampling is bilinear, skip connections are added, the first and the last convolution have
    no spectral normalization. The scores are float32 under every precision policy.

    Shapes:
        (N, H, W, channels), H and W multiples of 8 -> (N, H, W, 1), any range

    Args:
        skip: skip connections between encoder and decoder

    >>> ops.shape(unet_critic(width=2)(ops.zeros((1, 8, 16, 3))))
    (1, 8, 16, 1)
    """
    source = keras.Input((None, None, channels), name="source")
    conv = layers.Conv2D(width, 3, padding="same", kernel_initializer=initializer("uniform"), name="conv0")
    down = [_leaky(conv(source), "act0")]
    for number in range(1, HALVINGS + 1):
        down.append(_spectral(down[-1], width * 2**number, 4, number))
    x = down.pop()
    for number in range(HALVINGS + 1, 2 * HALVINGS + 1):
        before = down.pop()  # at the next resolution
        x = BlurUp(name=f"up{number - HALVINGS - 1}")(x)
        x = _spectral(x, before.shape[-1], 3, number)
        x = layers.Add(name=f"skip{number - HALVINGS - 1}")([x, before]) if skip else x
    for number in (2 * HALVINGS + 1, 2 * HALVINGS + 2):
        x = _spectral(x, width, 3, number)
    kernels, name = initializer("uniform"), f"conv{2 * HALVINGS + 3}"
    scores = layers.Conv2D(1, 3, padding="same", kernel_initializer=kernels, dtype="float32", name=name)(x)
    return keras.Model(source, scores, name="unet_critic")


def _spectral(x: Any, filters: int, size: int, number: int) -> Any:
    """4x4 kernels have stride 2. Shapes: (N, H, W, C) -> (N, H or H / 2, W or W / 2, filters)."""
    conv = SpectralConv(
        filters,
        size,
        strides=2 if size == 4 else 1,
        padding="same",  # for even sizes one pixel on each side, as in PyTorch
        use_bias=False,
        kernel_initializer=initializer("uniform"),
        name=f"conv{number}",
    )
    return _leaky(conv(x), f"act{number}")


def _leaky(x: Any, name: str) -> Any:
    return layers.LeakyReLU(LEAK, name=name)(x)
