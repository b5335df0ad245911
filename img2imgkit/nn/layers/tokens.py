"""Attention by a dictionary of tokens, as in ATD (Zhang et al. 2024, https://arxiv.org/abs/2401.08209, section 3)."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from img2imgkit.nn.layers.attention import merged_heads, shares, split_heads, unit_length

Shape = tuple[int | None, ...]
SHARPEST = 100.0  # largest factor of scores


@keras.saving.register_keras_serializable("img2imgkit")
class TokenDictionary(layers.Layer):
    """Learned tokens, the same for each image, whatever the input.

    Shapes:
        (N, ..., C) -> (N, count, C)

    Attributes:
        tokens: (count, C)
    """

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape: Shape) -> None:
        random = keras.initializers.RandomNormal(stddev=1.0)
        self.tokens = self.add_weight(shape=(self.count, input_shape[-1]), initializer=random, name="tokens")

    def call(self, x: Any) -> Any:
        tokens = ops.convert_to_tensor(self.tokens)
        return ops.tile(tokens[None], (ops.shape(x)[0], 1, 1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.count, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("img2imgkit")
class TokenAttention(layers.Layer):
    """Pixels attend to tokens by cosines (section 3.2: adaptive token dictionary cross-attention).

    Shapes:
        [queries (N, H, W, D), keys (N, tokens, D), values (N, tokens, C)] -> the result (N, H, W, C), and the share of
            each token in each pixel (N, H, W, tokens)

    Attributes:
        sharpness: (tokens,), the learned temperature of each token, between 0 and 1
    """

    def build(self, input_shape: Any) -> None:
        _, (_, count, _), _ = input_shape
        self.sharpness = self.add_weight(shape=(count,), initializer=keras.initializers.Constant(0.5), name="sharpness")

    def call(self, inputs: Any) -> Any:
        query, key, value = inputs
        _, height, width, depth = ops.shape(query)
        count, channels = value.shape[1:]
        pixels = unit_length(ops.reshape(query, (-1, height * width, depth)))
        scores = ops.matmul(pixels, ops.transpose(unit_length(key), (0, 2, 1)))
        found = shares(scores * (1 + ops.clip(self.sharpness, 0, 1) * math.log(count)))
        made = (ops.matmul(found, value), channels), (found, count)
        return [ops.reshape(each, (-1, height, width, size)) for each, size in made]

    def compute_output_shape(self, input_shape: Any) -> list[Shape]:
        query, _, (_, count, channels) = input_shape
        return [(*query[:-1], channels), (*query[:-1], count)]


@keras.saving.register_keras_serializable("img2imgkit")
class CategoryAttention(layers.Layer):
    """Pixels attend to others of their category (section 3.3: adaptive category-based multi-head self-attention).

    The category of a pixel is the token with the largest share. Pixels are sorted by category, then by place, and cut
    into groups of ``size``; the last group is completed by the last pixels in reverse order.

    Shapes:
        [(N, H, W, 3 * C), queries, keys and values, (N, H, W, tokens), shares of tokens] -> (N, H, W, C)

    Attributes:
        size: pixels in a group; all pixels are one group if there are fewer
        logit_scale: (1, 1), the learned logarithm of the factor of scores
    """

    def __init__(self, heads: int, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.size = heads, size

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.Constant(math.log(10))
        self.logit_scale = self.add_weight(shape=(1, 1), initializer=start, name="logit_scale")

    def call(self, inputs: Any) -> Any:
        qkv, found = inputs
        count, height, width, channels = ops.shape(qkv)
        total = height * width
        order, ranks = self._sorted(found, total)
        size = min(total, self.size) if isinstance(total, int) else ops.minimum(total, self.size)
        padded = (total + size - 1) // size * size
        places = ops.arange(padded, dtype="int32")
        places = ops.minimum(places, 2 * total - 1 - places)  # beyond the last pixel, back again
        image = ops.arange(count, dtype="int32")[:, None]
        pixels = ops.take(order, places, axis=1) + image * total
        grouped = ops.reshape(ops.take(ops.reshape(qkv, (-1, channels)), pixels, axis=0), (-1, size, channels))
        made = ops.reshape(self._attended(grouped), (-1, channels // 3))
        return ops.reshape(ops.take(made, ranks + image * padded, axis=0), (-1, height, width, channels // 3))

    def _sorted(self, found: Any, pixels: Any) -> tuple[Any, Any]:
        """The pixels by category, and each pixel's place in that order. Shapes: -> (N, H * W) int32 each.

        Numbers are unique, since not every engine keeps equal ones in their order.
        """
        category = ops.reshape(ops.top_k(found, 1)[1], (-1, pixels))
        number = category * pixels + ops.arange(pixels, dtype="int32")
        order = ops.top_k(-number, pixels)[1]
        return order, ops.top_k(-order, pixels)[1]

    def _attended(self, qkv: Any) -> Any:
        """Shapes: (groups, size, 3 * C) -> (groups, size, C)."""
        query, key, value = split_heads(qkv, 3, self.heads)
        factor = ops.exp(ops.minimum(self.logit_scale, math.log(SHARPEST)))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * factor
        return merged_heads(ops.matmul(shares(scores), value))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        *before, channels = input_shape[0]
        return (*before, channels // 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "size": self.size}


@keras.saving.register_keras_serializable("img2imgkit")
class TokenRefinement(layers.Layer):
    """Each token moves towards a mean of the pixels that resemble it (section 3.2: adaptive token refinement).

    Shapes:
        [tokens (N, count, C), similarities (N, H, W, count), pixels (N, H, W, C)] -> (N, count, C)

    Attributes:
        sigma: (count, 1), how much of each token stays, before a sigmoid
    """

    def build(self, input_shape: Any) -> None:
        (_, count, _), _, _ = input_shape
        self.sigma = self.add_weight(shape=(count, 1), initializer="zeros", name="sigma")

    def call(self, inputs: Any) -> Any:
        tokens, similarities, x = inputs
        _, height, width, channels = ops.shape(x)
        flat = ops.reshape(similarities, (-1, height * width, tokens.shape[1]))
        weights = ops.transpose(shares(flat, 1), (0, 2, 1))
        kept = ops.sigmoid(self.sigma)
        return kept * tokens + (1 - kept) * ops.matmul(weights, ops.reshape(x, (-1, height * width, channels)))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first: Shape = input_shape[0]
        return first
