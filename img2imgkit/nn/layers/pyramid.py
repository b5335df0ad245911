"""Downsampling to the next scale of an image pyramid."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class MeanDown(layers.Layer):
    """Downsample by 2, rounding up: the mean of 3x3 pixels at stride 2, where pixels beyond the edge do not count.

    Shapes:
        (N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), C)
    """

    def call(self, x: Any) -> Any:
        return _sums(x) / _sums(ops.ones_like(x[:1, :, :, :1]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        return (count, *(None if size is None else -(-size // 2) for size in (height, width)), channels)


def _sums(x: Any) -> Any:
    """Sums of 3x3 pixels at stride 2, divided by 9. Shapes: (N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), C)."""
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return ops.average_pool(x, 3, 2, "valid", data_format="channels_last")
