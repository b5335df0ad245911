"""Vectors as maps beside an image, and vectors of length 1."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("img2imgkit")
class LabelMaps(layers.Layer):
    """Each number of a label as a map of that number, behind the image's channels.

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
    """Vectors divided by their length, to which 1e-7 is added.

    Shapes:
        (..., C) -> (..., C)
    """

    def call(self, x: Any) -> Any:
        square = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x / (ops.sqrt(ops.maximum(square, 1e-30)) + 1e-7)  # 1e-30: the root of 0 has no derivative

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
