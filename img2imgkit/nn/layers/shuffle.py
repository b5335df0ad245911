"""Pixel shuffle, its inverse, and residual scaling, as used in super-resolution networks."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class PixelShuffle(layers.Layer):
    """Move channels into space (Shi et al. 2016, https://arxiv.org/abs/1609.05158, section 2.2).

    Channel (i * scale + j) * C + c becomes row i, column j of its block, as TensorFlow orders them.

    Shapes:
        (N, H, W, C * scale^2) -> (N, scale * H, scale * W, C)
    """

    def __init__(self, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x: Any) -> Any:
        return x if self.scale == 1 else ops.depth_to_space(x, self.scale, data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        assert channels is not None
        grown = [None if size is None else size * self.scale for size in (height, width)]
        return (count, *grown, channels // self.scale**2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("img2imgkit")
class PixelUnshuffle(layers.Layer):
    """Move space into channels: the inverse of ``PixelShuffle``.

    Shapes:
        (N, H, W, C), H and W multiples of ``scale`` -> (N, H / scale, W / scale, C * scale^2)
    """

    def __init__(self, scale: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x: Any) -> Any:
        return x if self.scale == 1 else ops.space_to_depth(x, self.scale, data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, channels = input_shape
        assert channels is not None
        shrunk = [None if size is None else size // self.scale for size in (height, width)]
        return (count, *shrunk, channels * self.scale**2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("img2imgkit")
class ScaledSum(layers.Layer):
    """The first map plus the scaled second one: residual scaling (Szegedy et al. 2016, section 3.3).

    https://arxiv.org/abs/1602.07261

    Shapes:
        [(N, H, W, C), (N, H, W, C)] -> (N, H, W, C)
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        return x + (y if self.scale == 1 else self.scale * y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first: Shape = input_shape[0]
        return first

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
