"""Relative positions of the pixels of a window: biases of their scores, learned or computed by a small network."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from img2imgkit.nn.layers.windows import Side

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class RelativePositions(layers.Layer):
    """The relative positions of two pixels of a window, whatever the input: the network that reads them learns biases.

    Shapes:
        any -> ((2 * rows - 1) * (2 * columns - 1), 2)
    """

    def __init__(self, window: Side, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = tuple(window)

    def call(self, x: Any) -> Any:
        rows, columns = (np.arange(1 - side, side) for side in self.window)
        found = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
        return ops.cast(ops.convert_to_tensor(found.astype(np.float32)), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rows, columns = self.window
        return ((2 * rows - 1) * (2 * columns - 1), 2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "window": self.window}


def position_bias(table: Any, index: np.ndarray) -> Any:
    """The bias of each pair of pixels. Shapes: table (positions, heads), index (T, K) -> (heads, T, K)."""
    found = ops.take(table, index.reshape(-1), axis=0)
    return ops.reshape(ops.transpose(found), (table.shape[-1], *index.shape))


def bias_table(layer: keras.Layer, shape: Shape) -> Any:
    return layer.add_weight(shape=shape, initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="table")


def offsets(window: Side) -> np.ndarray:
    """The row of the bias table for each pair of a window's pixels, by query minus key. Shapes: -> (T, T)."""
    places = np.divmod(np.arange(window[0] * window[1]), window[1])
    rows, columns = (each[:, None] - each + side - 1 for each, side in zip(places, window, strict=True))
    return (rows * (2 * window[1] - 1) + columns).astype(np.int32)


def block_offsets(window: int) -> np.ndarray:
    """Like ``offsets``, of each pixel's block of 2x2 pixels and each block. Shapes: -> (window^2, window^2 / 4)."""
    side = window // 2
    rows, columns = np.divmod(np.arange(window**2), window)
    return offsets((side, side))[rows // 2 * side + columns // 2]


def overlapping_offsets(window: int, reach: int) -> np.ndarray:
    """Like ``offsets``, by key minus query; negative rows of the table count from its end, as in the official code."""
    inside, around = (np.divmod(np.arange(side**2), side) for side in (window, reach))
    start, stride = window - reach + 1, window + reach - 1
    rows, columns = (key - query[:, None] + start for key, query in zip(around, inside, strict=True))
    return ((rows * stride + columns) % stride**2).astype(np.int32)
