"""The class encoder of FUNIT: the appearance of a class as a short code."""

from __future__ import annotations

import keras
from keras import layers

from img2imgkit.nn.layers import ReflectionPad, initializer


def class_encoder(code: int, downs: int = 4, width: int = 64, channels: int = 3) -> keras.Model:
    """The class encoder of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, appendix A).

    A 7x7 convolution, 4x4 convolutions of stride 2, the first two of which double the channels, and global average
    pooling; no normalization. The code of several images is the mean of their codes (section 3.1).

    Shapes:
        (N, H, W, channels), H and W at least 2**downs and 4 -> (N, code) float32

    >>> ops.shape(class_encoder(code=8, downs=2, width=2)(ops.zeros((3, 16, 16, 3))))
    (3, 8)
    """
    picture = keras.Input((None, None, channels), name="picture")
    kernel = initializer("kaiming")
    x = ReflectionPad(3, name="stem_pad")(picture)
    x = layers.Conv2D(width, 7, kernel_initializer=kernel, activation="relu", name="stem_conv")(x)
    for number in range(downs):
        filters = width * 2 ** min(number + 1, 2)
        x = ReflectionPad(1, name=f"down{number}_pad")(x)
        x = layers.Conv2D(filters, 4, 2, kernel_initializer=kernel, activation="relu", name=f"down{number}_conv")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, dtype="float32", name="pool")(x)
    x = layers.Conv2D(code, 1, kernel_initializer=kernel, dtype="float32", name="last_conv")(x)
    return keras.Model(picture, layers.Flatten(dtype="float32", name="code")(x), name="class_encoder")
