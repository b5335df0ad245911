"""The exact GELU."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class Gelu(layers.Layer):
    """GELU (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415) by the error function. Shapes: unchanged.

    TensorFlow's own uses the complementary error function, which ONNX lacks.
    """

    def call(self, x: Any) -> Any:
        return 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
