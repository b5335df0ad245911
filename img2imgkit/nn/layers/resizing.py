"""Resizing by interpolation that has higher derivatives and works with sizes known only at run time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from img2imgkit import backend

Shape = tuple[int | None, ...]


def bilinear(x: Any, height: Any, width: Any) -> Any:
    """Resize bilinearly with half-pixel centres and no anti-aliasing, PyTorch's default.

    Each axis is a matrix product. A map that already has the size is returned bit for bit.

    Shapes:
        (N, H, W, C) -> (N, height, width, C)
    """
    rows, columns = (_weights(ops.shape(x)[axis], size, x.dtype) for axis, size in ((1, height), (2, width)))
    tall = ops.einsum("yh,nhwc->nywc", rows, x)
    return ops.einsum("xw,nywc->nyxc", columns, tall)


def edges_replicated(x: Any) -> Any:
    """Pad by one pixel that replicates the edge. Shapes: (N, H, W, C) -> (N, H + 2, W + 2, C)."""
    if backend.is_portable():  # concatenations are faster in TensorFlow
        return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    rows = ops.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
    return ops.concatenate([rows[:, :, :1], rows, rows[:, :, -1:]], axis=2)


def _weights(before: Any, after: Any, dtype: str) -> Any:
    """Weight of each pixel in each new one. Shapes: (after, before)."""
    old, new = (ops.cast(ops.arange(size, dtype="int32"), "float32") for size in (before, after))
    ratio = ops.cast(before, "float32") / ops.cast(after, "float32")
    last = ops.cast(before, "float32") - 1
    centres = ops.minimum(ops.maximum((new + 0.5) * ratio - 0.5, 0.0), last)
    return ops.cast(ops.relu(1 - ops.abs(centres[:, None] - old[None])), dtype)


@keras.saving.register_keras_serializable("img2imgkit")
class Repeated(layers.UpSampling2D):
    """Nearest-neighbour upsampling that keeps the number of channels static in exported models.

    Shapes:
        (N, H, W, C) -> (N, size * H, size * W, C)
    """

    def call(self, inputs: Any) -> Any:
        count, height, width, _ = ops.shape(inputs)
        down, across = self.size
        if down == across and backend.is_portable():
            return ops.depth_to_space(ops.concatenate([inputs] * down**2, -1), down, data_format="channels_last")
        return ops.reshape(super().call(inputs), (count, down * height, across * width, inputs.shape[-1]))


@keras.saving.register_keras_serializable("img2imgkit")
class ResizedTo(layers.Layer):
    """Resize to a fixed size, see ``bilinear``.

    Shapes:
        (N, H, W, C) -> (N, height, width, C)
    """

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width = height, width

    def call(self, x: Any) -> Any:
        same = tuple(x.shape[1:3]) == (self.height, self.width)
        return x if same else bilinear(x, self.height, self.width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.height, self.width, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("img2imgkit")
class ResizedLike(layers.Layer):
    """Resize to the size of another map, see ``bilinear``.

    Shapes:
        [(N, h, w, C), (N, H, W, any)] -> (N, H, W, C)
    """

    def call(self, inputs: Any) -> Any:
        x, other = inputs
        if None not in other.shape[1:3] and tuple(x.shape[1:3]) == tuple(other.shape[1:3]):
            return x
        _, height, width, _ = ops.shape(other)
        return bilinear(x, height, width)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first, second = input_shape
        return (first[0], *second[1:3], first[-1])


@keras.saving.register_keras_serializable("img2imgkit")
class BilinearUp(layers.Layer):
    """Bilinear upsampling by an integer factor as one convolution; same result as ``bilinear``.

    The cost is linear in the number of pixels, and every export format has the operations.

    Shapes:
        (N, H, W, C) -> (N, scale * H, scale * W, C)
    """

    def __init__(self, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x: Any) -> Any:
        if self.scale == 1:
            return x
        padded = edges_replicated(x)
        kernel = ops.cast(ops.convert_to_tensor(_phases(self.scale, x.shape[-1])), x.dtype)
        phases = ops.conv(padded, kernel, padding="valid", data_format="channels_last")  # (N, H, W, scale^2 * C)
        return ops.depth_to_space(phases, self.scale, data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        grown = [None if size is None else size * self.scale for size in (height, width)]
        return (count, *grown, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


def _phases(scale: int, channels: int) -> np.ndarray:
    """One 3x3 filter for each output phase, the same for each channel.

    Shapes:
        -> (3, 3, channels, scale^2 * channels)
    """
    places = (np.arange(scale) + 0.5) / scale - 0.5  # in source pixels, relative to the centre
    taps = np.maximum(1 - np.abs(places[:, None] - np.arange(-1, 2)), 0)  # (scale, 3)
    kernel = np.einsum("ya,xb,cd->abcyxd", taps, taps, np.eye(channels))
    return kernel.reshape(3, 3, channels, scale**2 * channels).astype(np.float32)


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
