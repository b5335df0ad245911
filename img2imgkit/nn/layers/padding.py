"""Padding before a convolution, where zeros would be visible."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit import backend

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class ReflectionPad(layers.Layer):
    """Pad by reflection without repeating the edge; the image must be larger than ``width``.

    Shapes:
        (N, H, W, C) -> (N, H + 2 * width, W + 2 * width, C)
    """

    def __init__(self, width: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, x: Any, training: bool = False) -> Any:
        # The gradient of a pad operation takes half the time of that of slices, and other software has the operator.
        if training or backend.is_portable():
            edges = (self.width, self.width)
            return ops.pad(x, ((0, 0), edges, edges, (0, 0)), mode="reflect")
        for axis in (1, 2):  # slices and a concatenation take half the time of a pad operation on a CPU
            x = ops.concatenate(_mirrored(x, axis, self.width), axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable("img2imgkit")
class EdgePad(layers.Layer):
    """Pad by pixels that replicate the edge.

    Shapes:
        (N, H, W, C) -> (N, H + 2 * width, W + 2 * width, C)
    """

    def __init__(self, width: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, x: Any) -> Any:
        if self.width == 1:
            return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")  # replicates one edge pixel
        for axis in (1, 2):
            lines = (slice(None),) * axis
            first, last = x[(*lines, slice(0, 1))], x[(*lines, slice(-1, None))]
            x = ops.concatenate([*[first] * self.width, x, *[last] * self.width], axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


def _mirrored(x: Any, axis: int, width: int) -> list[Any]:
    """The mirrored pixels before ``x`` on an axis, ``x``, and those after it."""
    lines = (slice(None),) * axis
    before, after = x[(*lines, slice(1, width + 1))], x[(*lines, slice(-width - 1, -1))]
    return [ops.flip(before, axis), x, ops.flip(after, axis)]


def _grown(shape: Shape, width: int) -> Shape:
    count, *sizes, channels = shape
    return (count, *(None if size is None else size + 2 * width for size in sizes), channels)
