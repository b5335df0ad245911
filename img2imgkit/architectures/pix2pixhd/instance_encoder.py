"""How each object of a picture looks, in a few numbers: the instance encoder of pix2pixHD."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit.architectures.pix2pixhd.generator import Norm, bounded, trunk
from img2imgkit.nn.layers.convolution import Init

Shape = tuple[int | None, ...]


def instance_encoder(
    features: int = 3,
    width: int = 16,
    downs: int = 4,
    norm: Norm = "instance",
    channels: int = 3,
    init: Init = "normal",
) -> keras.Model:
    """The feature encoder of pix2pixHD (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.4).

    An encoder and decoder makes features of each pixel; each object has the mean of its pixels', all over it.

    Shapes:
        [(N, H, W, channels) in [-1, 1], (N, H, W, 1) int32 ids of objects], H and W multiples of 2**downs
            -> (N, H, W, features) float32 in (-1, 1), the same wherever the ids are

    >>> encoder = instance_encoder(features=3, width=2, downs=1)
    >>> ops.shape(encoder([ops.zeros((1, 8, 8, 3)), ops.zeros((1, 8, 8, 1), "int32")]))
    (1, 8, 8, 3)
    """
    picture = keras.Input((None, None, channels), name="picture")
    instance = keras.Input((None, None, 1), dtype="int32", name="instance")
    x = bounded(trunk(picture, width, downs, 0, norm, init), features, init)
    x = InstanceMean(dtype="float32", name="mean")([x, instance])
    return keras.Model([picture, instance], x, name="instance_encoder")


@keras.saving.register_keras_serializable("img2imgkit")
class InstanceMean(layers.Layer):
    """The mean over each object of an image, at all its pixels; ids are of one image, any whole numbers.

    Shapes:
        [(N, H, W, C), (N, H, W, 1) int32] -> (N, H, W, C)
    """

    def call(self, inputs: Any) -> Any:
        values, ids = inputs
        count, height, width, channels = ops.shape(values)
        pixels = height * width
        place = _numbered(ops.reshape(ids, (count, pixels)))
        image = ops.arange(count, dtype="int32")[:, None]
        place = ops.reshape(place + image * pixels, (-1,))  # another one in each image
        rows = ops.reshape(values, (-1, channels))
        sums = ops.segment_sum(rows, place, count * pixels)
        sizes = ops.segment_sum(ops.ones_like(rows[:, :1]), place, count * pixels)
        means = sums / ops.maximum(sizes, 1)
        return ops.reshape(ops.take(means, place, axis=0), ops.shape(values))

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return input_shape[0]


def _numbered(ids: Any) -> Any:
    """The ids of each image as numbers from 0 on, in their order. Shapes: (N, P) -> (N, P) int32, less than P.

    By sorting: exported models lack an operator for unique values, or have one of other types.
    """
    order = ops.argsort(ids, axis=1)
    ranked = ops.take_along_axis(ids, order, axis=1)
    begins = ops.cast(ranked[:, 1:] != ranked[:, :-1], "int32")
    numbers = ops.pad(ops.cumsum(begins, axis=1), ((0, 0), (1, 0)))
    return ops.take_along_axis(numbers, ops.argsort(order, axis=1), axis=1)
