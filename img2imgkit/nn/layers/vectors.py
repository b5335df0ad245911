"""Broadcasting vectors to maps, and normalizing them to unit length."""

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
