"""Attention of all pixels to a few: maps reduced again and again, and the scaled residuals beside it."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit import backend
from img2imgkit.nn.layers.attention import attended, merged_heads, split_heads

Shape = tuple[int | None, ...]
FACTOR = 4  # of one reduction
LEAST = 1024  # height or width from which pixels attend to the second map


@keras.saving.register_keras_serializable("img2imgkit")
class ReducedAttention(layers.Layer):
    """The pixels of a map attend to those of a reduced one (Chen et al. 2024, https://arxiv.org/abs/2303.06373).

    Section 3.2: recursive-generalization self-attention. Reduced maps come in the order of their sizes, each a quarter
    of the one before in height and width. Pixels attend to the first one if the longer side of their map is less than
    1024, to the next if it is less than 4096, and so on, but to none that is less than 1 pixel high or wide.

    Shapes:
        [queries (N, H, W, D), then keys (N, h, w, D) and values (N, h, w, C) of each reduced map] -> (N, H, W, C)

    Attributes:
        reduction: by how much the first reduced map is smaller than that of the queries
    """

    def __init__(self, heads: int, reduction: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.reduction = heads, reduction

    def call(self, inputs: Any) -> Any:
        query, *reduced = inputs
        _, height, width, _ = ops.shape(query)
        start, count = self._chosen(height, width, reduced[::2])
        keys, values = (ops.concatenate([_flat(each) for each in reduced[which::2]], axis=1) for which in range(2))
        heads = [
            split_heads(each, 1, self.heads)[0]
            for each in (_flat(query), keys[:, start : start + count], values[:, start : start + count])
        ]
        made = _divided_last(*heads) if backend.is_portable() else attended(*heads)
        return ops.reshape(made, (-1, height, width, reduced[1].shape[-1]))

    def _chosen(self, height: Any, width: Any, maps: list[Any]) -> tuple[Any, Any]:
        """The first pixel of the chosen map, in a row of all maps' pixels, and the number of its pixels."""
        long, short = ops.maximum(height, width), ops.minimum(height, width)
        sizes = [ops.shape(each)[1] * ops.shape(each)[2] for each in maps]
        start, count = 0, sizes[0]
        for number in range(1, len(maps)):
            least, within = LEAST * FACTOR ** (number - 1), self.reduction * FACTOR**number
            taken = ops.cast(ops.logical_and(long >= least, short >= within), "int32")
            start, count = start + taken * sizes[number - 1], taken * sizes[number] + (1 - taken) * count
        return start, count

    def compute_output_shape(self, input_shape: Any) -> Shape:
        query, _, value, *_ = input_shape
        return (*query[:-1], value[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "reduction": self.reduction}


@keras.saving.register_keras_serializable("img2imgkit")
class LayerScale(layers.Layer):
    """A learned factor of each channel (Touvron et al. 2021, https://arxiv.org/abs/2103.17239, section 3).

    Shapes:
        unchanged

    Attributes:
        factors: (C,), initially ``start``
    """

    def __init__(self, start: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Shape) -> None:
        start = keras.initializers.Constant(self.start)
        self.factors = self.add_weight(shape=(input_shape[-1],), initializer=start, name="factors")

    def call(self, x: Any) -> Any:
        return x * self.factors

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start}


def _divided_last(query: Any, key: Any, value: Any) -> Any:
    """Like ``attended``, without a softmax between two products.

    OpenVINO 2026.4 computes those at once: wrongly after a smaller picture, if the numbers of queries and of keys are
    known only at run time.
    """
    scores = ops.matmul(query * query.shape[-1] ** -0.5, ops.transpose(key, (0, 1, 3, 2)))
    powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return merged_heads(ops.matmul(powers, value) / ops.sum(powers, axis=-1, keepdims=True))


def _flat(x: Any) -> Any:
    """Shapes: (N, H, W, C) -> (N, H * W, C)."""
    _, height, width, channels = ops.shape(x)
    return ops.reshape(x, (-1, height * width, channels))
