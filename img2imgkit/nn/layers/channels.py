"""Parts and repetitions of a map's channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class ChannelRange(layers.Layer):
    """The channels from ``start`` up to, but not including, ``stop``.

    Shapes:
        (..., C) -> (..., stop - start)
    """

    def __init__(self, start: int, stop: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def call(self, x: Any) -> Any:
        return x[..., self.start : self.stop]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.stop - self.start)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start, "stop": self.stop}


@keras.saving.register_keras_serializable("img2imgkit")
class RepeatedChannels(layers.Layer):
    """Each channel several times, one after another: 0, 0, 1, 1, 2, 2 for 2 times.

    Shapes:
        (N, H, W, C) -> (N, H, W, times * C)
    """

    def __init__(self, times: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.times = times

    def call(self, x: Any) -> Any:
        single = [x[..., channel : channel + 1] for channel in range(x.shape[-1])]
        return ops.concatenate([each for each in single for _ in range(self.times)], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        assert input_shape[-1] is not None
        return (*input_shape[:-1], self.times * input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "times": self.times}
