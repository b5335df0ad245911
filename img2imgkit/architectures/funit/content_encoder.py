"""The content encoder of FUNIT: what an image shows where, without the appearance of its class."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import InstanceNorm, ReflectionPad, initializer


def content_encoder(downs: int = 3, blocks: int = 2, width: int = 64, channels: int = 3) -> keras.Model:
    """The content encoder of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, appendix A).

    A 7x7 convolution, 4x4 convolutions of stride 2 that double the channels, and residual blocks. Instance
    normalization removes each channel's mean and deviation, which would encode the class's appearance.

    Shapes:
        (N, H, W, channels), H and W multiples of 2**downs -> (N, H / 2**downs, W / 2**downs, width * 2**downs)

    >>> ops.shape(content_encoder(downs=2, blocks=1, width=4)(ops.zeros((1, 16, 16, 3))))
    (1, 4, 4, 16)
    """
    source = keras.Input((None, None, channels), name="source")
    x = _step(source, width, 7, 1, 3, "stem")
    for number in range(downs):
        x = _step(x, width * 2 ** (number + 1), 4, 2, 1, f"down{number}")
    for number in range(blocks):
        y = _step(x, x.shape[-1], 3, 1, 1, f"block{number}_0")
        y = _step(y, x.shape[-1], 3, 1, 1, f"block{number}_1", active=False)
        x = layers.Add(name=f"block{number}_sum")([x, y])
    return keras.Model(source, x, name="content_encoder")


def _step(x: Any, filters: int, size: int, stride: int, pad: int, name: str, active: bool = True) -> Any:
    x = ReflectionPad(pad, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, size, stride, kernel_initializer=initializer("kaiming"), name=f"{name}_conv")(x)
    x = InstanceNorm(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_act")(x) if active else x
