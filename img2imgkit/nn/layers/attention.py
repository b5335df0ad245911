"""Self-attention: between the pixels of a window, as in Swin transformers, and between channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit.nn.layers.positions import bias_table, block_offsets, offsets, overlapping_offsets, position_bias
from img2imgkit.nn.layers.windows import (
    Side,
    from_spaced_windows,
    from_windows,
    rolled,
    shift_mask,
    spaced_windows,
    windows,
)

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("img2imgkit")
class WindowAttention(layers.Layer):
    """Multi-head self-attention inside windows (Liu et al. 2021, https://arxiv.org/abs/2103.14030, section 3.2).

    The scores of two pixels include a bias that depends on their relative position: a learned one, unless it is given
    as the second input. With a shift, windows start ``shift`` pixels further down and right; those at the border are
    cut off there.

    Shapes:
        (N, H, W, 3 * C), queries, keys and values, H and W multiples of the window -> (N, H, W, C / parts)
        the biases as a second input: ((2 * rows - 1) * (2 * columns - 1), heads)

    Attributes:
        window: rows and columns of a window
        shift: rows and columns by which windows are shifted
        spaced: whether a window consists of pixels at equal distances all over the map instead of neighbours, the grid
            attention of MaxViT (Tu et al. 2022, https://arxiv.org/abs/2204.01697, section 3.2)
        biased: whether scores include biases
        part: (i, parts): queries, keys and values are the i-th of so many equal parts of their channels
        table: the learned biases
    """

    def __init__(
        self,
        heads: int,
        window: Side,
        shift: Side = (0, 0),
        spaced: bool = False,
        biased: bool = True,
        part: tuple[int, int] = (0, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.spaced, self.biased = heads, spaced, biased
        self.window: Side = (window[0], window[1])
        self.shift: Side = (shift[0], shift[1])
        self.part = (part[0], part[1])

    def build(self, input_shape: Any) -> None:
        if self.biased and not isinstance(input_shape[0], (tuple, list)):
            rows, columns = self.window
            shape = ((2 * rows - 1) * (2 * columns - 1), self.heads)
            self.table = bias_table(self, shape)

    def call(self, inputs: Any) -> Any:
        qkv, table = inputs if isinstance(inputs, (list, tuple)) else (inputs, self.table if self.biased else None)
        qkv = rolled(_part_of(qkv, *self.part), self.shift)
        _, height, width, _ = ops.shape(qkv)
        apart, together = (spaced_windows, from_spaced_windows) if self.spaced else (windows, from_windows)
        query, key, value = split_heads(apart(qkv, self.window), 3, self.heads)
        bias = None if table is None else position_bias(table, offsets(self.window))
        mask = shift_mask(qkv, self.window, self.shift) if any(self.shift) else None
        found = attended(query, key, value, bias, mask)
        down, right = self.shift
        return rolled(together(found, self.window, height, width), (-down, -right))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first: Any = input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape
        return _third(first, self.part[1])

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "window": self.window, "shift": self.shift, "spaced": self.spaced}
        return {**super().get_config(), **own, "biased": self.biased, "part": self.part}


@keras.saving.register_keras_serializable("img2imgkit")
class OverlappingAttention(layers.Layer):
    """The pixels of each window attend to a larger window around it (Chen et al. 2023, section 3.2).

    https://arxiv.org/abs/2205.04437: overlapping cross-attention. Keys and values beyond the border are 0.

    Shapes:
        (N, H, W, 3 * C), queries, keys and values, H and W multiples of ``window`` -> (N, H, W, C)

    Attributes:
        window: height and width of the windows of queries
        reach: height and width of the windows of keys, ``window`` to three times as much
        table: the learned biases by relative position, ((window + reach - 1)^2, heads)
    """

    def __init__(self, heads: int, window: int, reach: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.window, self.reach = heads, window, reach

    def build(self, input_shape: Shape) -> None:
        self.table = bias_table(self, ((self.window + self.reach - 1) ** 2, self.heads))

    def call(self, qkv: Any) -> Any:
        _, height, width, channels = ops.shape(qkv)
        size, around = (self.window, self.window), (self.reach, self.reach)
        [query] = split_heads(windows(qkv[..., : channels // 3], size), 1, self.heads)
        key, value = split_heads(windows(self._overlapping(qkv[..., channels // 3 :]), around), 2, self.heads)
        bias = position_bias(self.table, overlapping_offsets(self.window, self.reach))
        return from_windows(attended(query, key, value, bias), size, height, width)

    def _overlapping(self, x: Any) -> Any:
        """The windows of keys side by side. Shapes: (N, H, W, C) -> (N, H / window * reach, W / window * reach, C)."""
        _, height, width, channels = ops.shape(x)
        rows, columns = (side // self.window for side in (height, width))
        x = self._with_edges(ops.reshape(x, (-1, rows, self.window, width * channels)))
        x = self._with_edges(ops.reshape(x, (-1, columns, self.window, channels)))
        return ops.reshape(x, (-1, rows * self.reach, columns * self.reach, channels))

    def _with_edges(self, x: Any) -> Any:
        """Put the neighbours' pixels around windows along an axis. Shapes: (M, B, window, D) -> (M, B, reach, D)."""
        edge = (self.reach - self.window) // 2
        if not edge:
            return x
        padded = ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))
        return ops.concatenate([padded[:, :-2, self.window - edge :], x, padded[:, 2:, :edge]], axis=2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _third(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "window": self.window, "reach": self.reach}


@keras.saving.register_keras_serializable("img2imgkit")
class PermutedAttention(layers.Layer):
    """The pixels of a window attend to blocks of 2x2 pixels (Zhou et al. 2023, https://arxiv.org/abs/2303.09735).

    Section 3.2: the pixels of a block become channels of its key and its value.

    Shapes:
        [(N, H, W, C), queries, (N, H, W, C / 2), keys and values], H and W multiples of the window -> (N, H, W, C)

    Attributes:
        window: height and width of a window, even
        shift: pixels by which windows are shifted down and right
        masked: whether shifted windows are cut off at the border; otherwise they continue at the opposite one
        table: the learned biases by relative position, ((window - 1)^2, heads)
    """

    def __init__(self, heads: int, window: int, shift: int = 0, masked: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.window, self.shift, self.masked = heads, window, shift, masked

    def build(self, input_shape: Any) -> None:
        self.table = bias_table(self, ((self.window - 1) ** 2, self.heads))

    def call(self, inputs: Any) -> Any:
        query, rest = (rolled(each, (self.shift, self.shift)) for each in inputs)
        _, height, width, _ = ops.shape(query)
        size, blocks = (self.window, self.window), (self.window // 2, self.window // 2)
        [found] = split_heads(windows(query, size), 1, self.heads)
        half = rest.shape[-1] // 2
        pairs = (
            ops.space_to_depth(each, 2, data_format="channels_last") for each in (rest[..., :half], rest[..., half:])
        )
        key, value = (split_heads(windows(each, blocks), 1, self.heads)[0] for each in pairs)
        bias = position_bias(self.table, block_offsets(self.window))
        shift, hidden = (self.shift, self.shift), self.masked and self.shift
        mask = shift_mask(query, size, shift, 2) if hidden else None
        made = from_windows(attended(found, key, value, bias, mask), size, height, width)
        return rolled(made, (-self.shift, -self.shift))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first: Shape = input_shape[0]
        return first

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "window": self.window, "shift": self.shift, "masked": self.masked}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("img2imgkit")
class ChannelSelfAttention(layers.Layer):
    """Multi-head self-attention between channels (Zamir et al. 2022, https://arxiv.org/abs/2111.09881, section 3.1).

    The score of two channels is the cosine between their pixels, times a learned temperature of the head.

    Shapes:
        (N, H, W, 3 * C), queries, keys and values -> (N, H, W, C)

    Attributes:
        window: None: all pixels of the map count together; otherwise those of each window of that side, of which H and
            W must be multiples
        spaced: whether the pixels that count together are ``window`` apart instead of in a window
    """

    def __init__(self, heads: int, window: int | None = None, spaced: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.window, self.spaced = heads, window, spaced

    def build(self, input_shape: Shape) -> None:
        self.temperature = self.add_weight(shape=(self.heads, 1, 1), initializer="ones", name="temperature")

    def call(self, qkv: Any) -> Any:
        _, height, width, _ = ops.shape(qkv)
        size = self._size(height, width)
        apart, together = (spaced_windows, from_spaced_windows) if self.spaced else (windows, from_windows)
        heads = split_heads(apart(qkv, size), 3, self.heads)
        query, key, value = (ops.transpose(each, (0, 1, 3, 2)) for each in heads)  # (windows, heads, C / heads, pixels)
        scores = ops.matmul(unit_length(query), ops.transpose(unit_length(key), (0, 1, 3, 2)))
        found = ops.matmul(shares(scores * self.temperature), value)
        return together(merged_heads(ops.transpose(found, (0, 1, 3, 2))), size, height, width)

    def _size(self, height: Any, width: Any) -> tuple[Any, Any]:
        if self.window is None:
            return height, width
        return (height // self.window, width // self.window) if self.spaced else (self.window, self.window)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _third(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "window": self.window, "spaced": self.spaced}


def attended(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None) -> Any:
    """Scaled dot-product attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.2.1).

    Shapes:
        query (M, heads, T, D), key and value (M, heads, K, D); bias (heads, T, K); mask (M, 1, T, K) -> (M, T,
            heads * D)
    """
    scores = ops.matmul(query * query.shape[-1] ** -0.5, ops.transpose(key, (0, 1, 3, 2)))
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores + mask
    return merged_heads(ops.matmul(shares(scores), value))


def shares(scores: Any, axis: int = -1) -> Any:
    """The softmax over an axis; without the warning of Keras if its size is 1. Shapes: unchanged."""
    return ops.ones_like(scores) if scores.shape[axis] == 1 else ops.softmax(scores, axis=axis)


def split_heads(x: Any, count: int, heads: int) -> list[Any]:
    """Split channels into ``count`` arrays of heads. Shapes: (M, T, count * heads * D) -> (M, heads, T, D) each."""
    pixels = ops.shape(x)[1]
    x = ops.transpose(ops.reshape(x, (-1, pixels, count * heads, x.shape[-1] // (count * heads))), (0, 2, 1, 3))
    return [x[:, number * heads : (number + 1) * heads] for number in range(count)]


def merged_heads(x: Any) -> Any:
    """Shapes: (M, heads, T, D) -> (M, T, heads * D)."""
    _, heads, pixels, depth = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, pixels, heads * depth))


def unit_length(x: Any) -> Any:
    """Scale the last axis to a Euclidean length of 1, in float32 under every precision policy. Shapes: unchanged."""
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    squares = ops.sum(ops.square(wide), axis=-1, keepdims=True)
    return ops.cast(wide * ops.rsqrt(ops.maximum(squares, 1e-24)), x.dtype)


def _part_of(qkv: Any, number: int, parts: int) -> Any:
    """A part of the queries, the keys and the values. Shapes: (N, H, W, 3 * C) -> (N, H, W, 3 * C / parts)."""
    if parts == 1:
        return qkv
    channels = qkv.shape[-1] // 3
    size = channels // parts
    starts = [each * channels + number * size for each in range(3)]
    return ops.concatenate([qkv[..., start : start + size] for start in starts], axis=-1)


def _third(shape: Shape, parts: int = 1) -> Shape:
    *before, channels = shape
    assert channels is not None
    return (*before, channels // 3 // parts)
