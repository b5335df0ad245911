"""Anti-aliased down- and upsampling (Zhang 2019, https://arxiv.org/abs/1904.11486), as in CUT's networks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

Shape = tuple[int | None, ...]
BINOMIAL = np.outer((1, 2, 1), (1, 2, 1)).astype(np.float32) / 16


@keras.saving.register_keras_serializable("img2imgkit")
class BlurDown(layers.Layer):
    """Downsample by 2 after a 3x3 binomial filter; reflection padding.

    Shapes:
        (N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), C)
    """

    def call(self, x: Any) -> Any:
        padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        kernel = ops.cast(ops.convert_to_tensor(BINOMIAL[..., None, None].repeat(x.shape[-1], axis=2)), x.dtype)
        return ops.depthwise_conv(padded, kernel, strides=2, padding="valid", data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        halved = [None if size is None else (size + 1) // 2 for size in (height, width)]
        return (count, *halved, channels)


@keras.saving.register_keras_serializable("img2imgkit")
class BlurUp(layers.Layer):
    """Upsample by 2 with the filter (1, 3, 3, 1) / 4 along each axis; edges are replicated.

    Equals bilinear interpolation with half-pixel centres, but has higher derivatives.

    Shapes:
        (N, H, W, C) -> (N, 2 * H, 2 * W, C)
    """

    def call(self, x: Any) -> Any:
        count, height, width, channels = ops.shape(x)
        rows = ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)), mode="symmetric")
        tall = ops.stack(_between(rows[:, :-2], x, rows[:, 2:]), axis=2)  # (N, H, 2, W, C)
        tall = ops.reshape(tall, (count, 2 * height, width, channels))
        columns = ops.pad(tall, ((0, 0), (0, 0), (1, 1), (0, 0)), mode="symmetric")
        large = ops.stack(_between(columns[:, :, :-2], tall, columns[:, :, 2:]), axis=3)  # (N, 2 * H, W, 2, C)
        return ops.reshape(large, (count, 2 * height, 2 * width, channels))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        doubled = [None if size is None else 2 * size for size in (height, width)]
        return (count, *doubled, channels)


def _between(before: Any, here: Any, after: Any) -> list[Any]:
    """The two new pixels for each old one, a quarter of a pixel before and after its centre."""
    near = 0.75 * here
    return [0.25 * before + near, near + 0.25 * after]
