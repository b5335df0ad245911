"""Upsampling by samples at positions that a network computes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class DySample(layers.Layer):
    """Bilinear samples at computed positions (Liu et al. 2023, https://arxiv.org/abs/2308.15085, section 3.1).

    Each output pixel is a sample of the map near its place: at ``init_pos`` plus its offset, in pixels of the map,
    where pixels beyond the edge equal those at the edge. Each group of channels has offsets of its own. Positions are
    float32 under every precision policy.

    Channel ((i * scale + j) * 2 + axis) * groups + g of the offsets is that of row i and column j of a block, for group
    g; axis 0 is horizontal.

    Shapes:
        [(N, H, W, C), (N, H, W, 2 * groups * scale^2)] -> (N, scale * H, scale * W, C); C a multiple of ``groups``
    """

    def __init__(self, scale: int, groups: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.scale, self.groups = scale, groups

    def build(self, input_shape: Any) -> None:
        start = _block_positions(self.scale, self.groups)
        self.init_pos = self.add_weight(
            shape=start.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(start, dtype=dtype),
            trainable=False,
            name="init_pos",
        )

    def call(self, inputs: Any) -> Any:
        x, offset = inputs
        count, height, width, _ = ops.shape(x)
        shift = offset + self.init_pos
        if self.scale > 1:
            shift = ops.depth_to_space(shift, self.scale, data_format="channels_last")
        column = ops.reshape(_places(width, self.scale), (1, 1, -1, 1)) + shift[..., : self.groups]
        row = ops.reshape(_places(height, self.scale), (1, -1, 1, 1)) + shift[..., self.groups :]
        left, right, across = _neighbours(column, width)
        top, bottom, down = _neighbours(row, height)
        values = ops.reshape(x, (-1, x.shape[-1] // self.groups))
        picture = ops.reshape(ops.arange(count, dtype="int32"), (-1, 1, 1, 1))
        group = ops.convert_to_tensor(np.arange(self.groups, dtype="int32"))

        def at(rows: Any, columns: Any) -> Any:
            """Shapes: (N, scale * H, scale * W, groups) int32 twice -> (N, scale * H, scale * W, groups, C / groups)"""
            places = ((picture * height + rows) * width + columns) * self.groups + group
            return ops.take(values, places, axis=0)

        above = (1 - across) * at(top, left) + across * at(top, right)
        below = (1 - across) * at(bottom, left) + across * at(bottom, right)
        made = (1 - down) * above + down * below
        return ops.reshape(made, (count, height * self.scale, width * self.scale, x.shape[-1]))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        count, height, width, channels = input_shape[0]
        return (count, *(None if side is None else side * self.scale for side in (height, width)), channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "groups": self.groups}


def _block_positions(scale: int, groups: int) -> np.ndarray:
    """Where the pixels of a block are, relative to the map's pixel. Shapes: -> (2 * groups * scale^2,)."""
    places = (np.arange(scale) + 0.5) / scale - 0.5
    rows, columns = np.meshgrid(places, places, indexing="ij")
    both = np.stack([columns, rows], axis=-1)  # (scale, scale, 2)
    return np.repeat(both.ravel(), groups).astype(np.float32)


def _places(side: Any, scale: int) -> Any:
    """The map's row or column of each output row or column. Shapes: -> (scale * side,), float32."""
    return ops.cast(ops.floor_divide(ops.arange(side * scale, dtype="int32"), scale), "float32")


def _neighbours(place: Any, side: Any) -> tuple[Any, Any, Any]:
    """The pixels before and after a place, and the weight of the second one, with an axis for channels."""
    last = ops.cast(side, "float32") - 1
    inside = ops.minimum(ops.maximum(place, 0.0), last)
    before = ops.floor(inside)
    after = ops.minimum(before + 1, last)
    return ops.cast(before, "int32"), ops.cast(after, "int32"), ops.expand_dims(inside - before, axis=-1)
