"""Instance normalization whose scales and shifts are another network's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from img2imgkit.nn.layers.norm import InstanceNorm

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class AdaptiveInstanceNorm(InstanceNorm):
    """AdaIN: each channel gets the mean and deviation that it is told (Huang & Belongie 2017, eq. 8).

    https://arxiv.org/abs/1703.06868. The deviation is taken as it is, nothing is added to it.

    Shapes:
        [(N, H, W, C), (N or 1, 2 * C): first every mean, then every deviation] -> (N, H, W, C)
    """

    def call(self, inputs: Sequence[Any]) -> Any:
        x, parameters = inputs
        told = ops.cast(parameters, x.dtype)[:, None, None, :]
        mean, deviation = ops.split(told, 2, axis=-1)
        return super().call(x) * deviation + mean

    def compute_output_shape(self, input_shape: Any) -> Shape:
        of_pictures: Shape = input_shape[0]
        return of_pictures
