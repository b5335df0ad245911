"""Layers on labels, object instances and vectors."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("img2imgkit")
class LabelMaps(layers.Layer):
    """Append each number of a label to an image as a constant channel.

    Shapes:
        (N, H, W, C), (N, K) -> (N, H, W, C + K)
    """

    def call(self, inputs: Any) -> Any:
        image, label = inputs
        maps = ops.broadcast_to(label[:, None, None, :], (*ops.shape(image)[:3], label.shape[-1]))
        return ops.concatenate([image, maps], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        image, label = input_shape
        return (*image[:3], image[3] + label[1])


@keras.saving.register_keras_serializable("img2imgkit")
class UnitLength(layers.Layer):
    """Divide vectors by their length plus 1e-7.

    Shapes:
        (..., C) -> (..., C)
    """

    def call(self, x: Any) -> Any:
        square = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x / (ops.sqrt(ops.maximum(square, 1e-30)) + 1e-7)  # 1e-30: sqrt has no derivative at 0

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class InstanceMean(layers.Layer):
    """Replace features by their mean over the object at each pixel; ids are integers, separate for each image.

    Shapes:
        [(N, H, W, C), (N, H, W, 1) int32] -> (N, H, W, C)
    """

    def call(self, inputs: Any) -> Any:
        values, ids = inputs
        count, height, width, channels = ops.shape(values)
        pixels = height * width
        place = _numbered(ops.reshape(ids, (count, pixels)))
        image = ops.arange(count, dtype="int32")[:, None]
        place = ops.reshape(place + image * pixels, (-1,))  # unique across images
        rows = ops.reshape(values, (-1, channels))
        sums = ops.segment_sum(rows, place, count * pixels)
        sizes = ops.segment_sum(ops.ones_like(rows[:, :1]), place, count * pixels)
        means = sums / ops.maximum(sizes, 1)
        return ops.reshape(ops.take(means, place, axis=0), ops.shape(values))

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return input_shape[0]


def _numbered(ids: Any) -> Any:
    """Renumber the ids of each image from 0, in sorted order. Shapes: (N, P) -> (N, P) int32, less than P.

    Uses sorting, since export formats lack an operator for unique values or support it for other types only.
    """
    order = ops.argsort(ids, axis=1)
    ranked = ops.take_along_axis(ids, order, axis=1)
    begins = ops.cast(ranked[:, 1:] != ranked[:, :-1], "int32")
    numbers = ops.pad(ops.cumsum(begins, axis=1), ((0, 0), (1, 0)))
    return ops.take_along_axis(numbers, ops.argsort(order, axis=1), axis=1)
