"""The mean colour that EDSR's own code subtracts and adds by convolutions, whose weights are in its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class MeanShift(layers.Layer):
    """Add a constant colour: a 1x1 convolution that no training changes, initially the identity plus that colour.

    Shapes:
        (N, H, W, len(colour)) -> (N, H, W, len(colour))
    """

    def __init__(self, colour: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.colour = tuple(colour)

    def build(self, input_shape: Shape) -> None:
        count = len(self.colour)
        self.kernel = self.add_weight(
            shape=(1, 1, count, count),
            initializer=lambda shape, dtype=None: ops.reshape(ops.eye(count, dtype=dtype), shape),
            trainable=False,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(count,),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(self.colour, dtype=dtype),
            trainable=False,
            name="bias",
        )

    def call(self, x: Any) -> Any:
        return ops.conv(x, self.kernel, data_format="channels_last") + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "colour": self.colour}
