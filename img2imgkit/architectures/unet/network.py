"""The U-Net of pix2pix: an encoder-decoder with skip connections at each resolution."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import DoublingConv, HalvingConv, initializer, normalized
from img2imgkit.nn.layers.convolution import Init
from img2imgkit.nn.layers.norm import Norm, Statistics


def unet(
    depth: int = 8,
    width: int = 64,
    norm: Norm = "batch",
    dropout: float = 0.5,
    channels: int = 3,
    out_channels: int = 3,
    statistics: Statistics = "running",
    init: Init = "normal",
) -> keras.Model:
    """The U-Net of pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 6.1.1).

    ``depth`` is the number of downsampling steps: 7 is the official "unet_128", 8 "unet_256". Dropout follows the inner
    decoder steps with the maximum of 8 * width filters. The last layer is float32 under every precision policy.

    Shapes:
        (N, H, W, channels), H and W multiples of 2**depth -> (N, H, W, out_channels) in (-1, 1)

    Args:
        statistics: statistics of batch normalization at inference, see ``BatchNorm``
        init: kernel initializer, see ``initializer``

    >>> ops.shape(unet(depth=3, width=2)(ops.zeros((1, 8, 16, 3))))
    (1, 8, 16, 3)
    """
    widths = [width * min(2**level, 8) for level in range(depth)]
    options: dict[str, Any] = {"use_bias": norm == "instance"}
    source = keras.Input((None, None, channels), name="source")
    x = HalvingConv(width, kernel_initializer=initializer(init), name="down0_conv", **options)(source)
    skips = [x]  # of level i: (N, H / 2**(i + 1), W / 2**(i + 1), widths[i])
    for level in range(1, depth):
        x = layers.LeakyReLU(0.2, name=f"down{level}_act")(x)
        kernel = initializer(init)
        x = HalvingConv(widths[level], kernel_initializer=kernel, name=f"down{level}_conv", **options)(x)
        if level < depth - 1:  # none at the innermost level, which may be a single pixel
            x = normalized(x, norm, f"down{level}_norm", statistics)
        skips.append(x)
    for level in range(depth - 1, 0, -1):
        x = layers.ReLU(name=f"up{level}_act")(x)
        filters, kernel = widths[level - 1], initializer(init)
        x = DoublingConv(filters, kernel_initializer=kernel, name=f"up{level}_conv", **options)(x)
        x = normalized(x, norm, f"up{level}_norm", statistics)
        if dropout and 4 <= level < depth - 1:
            x = layers.Dropout(dropout, name=f"up{level}_dropout")(x)
        x = layers.Concatenate(name=f"up{level}_join")([skips[level - 1], x])
    x = layers.ReLU(name="up0_act")(x)
    last = layers.Conv2DTranspose(
        out_channels, 4, 2, "same", kernel_initializer=initializer(init), dtype="float32", name="up0_conv"
    )
    image = layers.Activation("tanh", dtype="float32", name="image")(last(x))
    return keras.Model(source, image, name="unet")
