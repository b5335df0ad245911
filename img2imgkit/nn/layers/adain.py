"""Instance normalization whose scale and shift are predicted by another network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from img2imgkit.nn.layers.norm import InstanceNorm

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class AdaptiveInstanceNorm(InstanceNorm):
    """AdaIN: sets the mean and standard deviation of each channel (Huang & Belongie 2017, eq. 8).

    https://arxiv.org/abs/1703.06868. The deviation is used as given, without an epsilon or an offset of 1.

    Shapes:
        [(N, H, W, C), (N or 1, 2 * C): all means, then all deviations] -> (N, H, W, C)
    """

    def call(self, inputs: Sequence[Any]) -> Any:
        x, parameters = inputs
        parameters = ops.cast(parameters, x.dtype)[:, None, None, :]
        mean, deviation = ops.split(parameters, 2, axis=-1)
        return super().call(x) * deviation + mean

    def compute_output_shape(self, input_shape: Any) -> Shape:
        image_shape: Shape = input_shape[0]
        return image_shape
