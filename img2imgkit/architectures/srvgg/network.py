"""The compact super-resolution network: all layers at low resolution, then one pixel shuffle."""

from __future__ import annotations

import keras
from keras import layers

from img2imgkit.nn.enlarging import Activation, activated, added_to_nearest


def srvgg(
    scale: int = 4, width: int = 64, depth: int = 16, activation: Activation = "prelu", channels: int = 3
) -> keras.Model:
    """SRVGGNetCompact of Real-ESRGAN (Wang et al. 2021, https://arxiv.org/abs/2107.10833): a stack of convolutions.

    The output is the nearest-neighbour upsampled input plus a residual, almost 0 at initialization. The sum is float32
    under every precision policy.

    Shapes:
        (N, H, W, channels), any range -> (N, scale * H, scale * W, channels), the same range
    Departs from the paper: the channels before the shuffle are in TensorFlow's order, see ``PixelShuffle``.

    >>> ops.shape(srvgg(scale=2, width=4, depth=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    x = source
    for number in range(depth + 1):
        body = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=f"conv{number}")
        x = activated(activation, f"act{number}")(body(x))  # (N, H, W, width)
    return keras.Model(source, added_to_nearest(x, source, scale, f"conv{depth + 1}"), name="srvgg")
