"""The instance encoder of pix2pixHD: the appearance of each object as a few features."""

from __future__ import annotations

import keras

from img2imgkit.architectures.pix2pixhd.generator import Norm, bounded, trunk
from img2imgkit.nn.layers import InstanceMean
from img2imgkit.nn.layers.convolution import Init


def instance_encoder(
    out_channels: int = 3,
    width: int = 16,
    downs: int = 4,
    norm: Norm = "instance",
    channels: int = 3,
    init: Init = "normal",
) -> keras.Model:
    """The feature encoder of pix2pixHD (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.4).

    An encoder-decoder computes features of each pixel, which are averaged over each object (instance-wise pooling).

    Shapes:
        [(N, H, W, channels) in [-1, 1], (N, H, W, 1) int32 ids of objects], H and W multiples of 2**downs
            -> (N, H, W, out_channels) float32 in (-1, 1), constant over each object

    >>> encoder = instance_encoder(out_channels=3, width=2, downs=1)
    >>> ops.shape(encoder([ops.zeros((1, 8, 8, 3)), ops.zeros((1, 8, 8, 1), "int32")]))
    (1, 8, 8, 3)
    """
    picture = keras.Input((None, None, channels), name="picture")
    instance = keras.Input((None, None, 1), dtype="int32", name="instance")
    x = bounded(trunk(picture, width, downs, 0, norm, init), out_channels, init)
    x = InstanceMean(dtype="float32", name="mean")([x, instance])
    return keras.Model([picture, instance], x, name="instance_encoder")
