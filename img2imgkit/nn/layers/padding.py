"""Padding before a convolution, where zeros would be visible."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers, ops

from img2imgkit import backend

Shape = tuple[int | None, ...]
Padding = Literal["reflect", "symmetric", "zeros"]


@keras.saving.register_keras_serializable("img2imgkit")
class ReflectionPad(layers.Layer):
    """Pad by reflection without repeating the edge; the image must be larger than ``width``.

    Shapes:
        (N, H, W, C) -> (N, H + 2 * width, W + 2 * width, C)
    """

    def __init__(self, width: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, x: Any, training: bool = False) -> Any:
        # The gradient of a pad operation takes half the time of that of slices, and other software has the operator.
        if training or backend.is_portable():
            edges = (self.width, self.width)
            return ops.pad(x, ((0, 0), edges, edges, (0, 0)), mode="reflect")
        for axis in (1, 2):  # slices and a concatenation take half the time of a pad operation on a CPU
            x = ops.concatenate(_mirrored(x, axis, self.width), axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable("img2imgkit")
class EdgePad(layers.Layer):
    """Pad by pixels that replicate the edge.

    Shapes:
        (N, H, W, C) -> (N, H + 2 * width, W + 2 * width, C)
    """

    def __init__(self, width: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, x: Any) -> Any:
        if self.width == 1:
            return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")  # replicates one edge pixel
        for axis in (1, 2):
            lines = (slice(None),) * axis
            first, last = x[(*lines, slice(0, 1))], x[(*lines, slice(-1, None))]
            x = ops.concatenate([*[first] * self.width, x, *[last] * self.width], axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


def _mirrored(x: Any, axis: int, width: int) -> list[Any]:
    """The mirrored pixels before ``x`` on an axis, ``x``, and those after it."""
    lines = (slice(None),) * axis
    before, after = x[(*lines, slice(1, width + 1))], x[(*lines, slice(-width - 1, -1))]
    return [ops.flip(before, axis), x, ops.flip(after, axis)]


def _grown(shape: Shape, width: int) -> Shape:
    count, *sizes, channels = shape
    return (count, *(None if size is None else size + 2 * width for size in sizes), channels)


@keras.saving.register_keras_serializable("img2imgkit")
class PadToMultiple(layers.Layer):
    """Pad at the bottom and on the right until height and width are multiples of ``multiple``.

    Shapes:
        (N, H, W, C) -> (N, H', W', C)

    Attributes:
        mode: "reflect" mirrors the image without repeating the edge, "symmetric" with it, both as often as necessary;
            "zeros" adds zeros
    """

    def __init__(self, multiple: int, mode: Padding = "reflect", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple, self.mode = multiple, mode

    def call(self, x: Any) -> Any:
        sizes = ops.shape(x)[1:3]
        if self.mode == "zeros":
            height, width = ((0, _missing(size, self.multiple)) for size in sizes)
            padded = ops.pad(x, ((0, 0), height, width, (0, 0)))
            return ops.reshape(padded, (*ops.shape(padded)[:3], x.shape[-1]))  # channels stay known
        for axis, size in enumerate(sizes, start=1):
            places = ops.arange(size + _missing(size, self.multiple), dtype="int32")
            x = ops.take(x, _mirrored_places(places, size, self.mode == "symmetric"), axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, *sizes, channels = input_shape
        return (count, *(None if size is None else size + _missing(size, self.multiple) for size in sizes), channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "multiple": self.multiple, "mode": self.mode}


@keras.saving.register_keras_serializable("img2imgkit")
class PadAround(layers.Layer):
    """Pad by ``width`` pixels on each side of an image, and as many more at the bottom and on the right as are missing
    to a multiple of ``multiple``.

    Shapes:
        (N, H, W, C) -> (N, H' + 2 * width, W' + 2 * width, C), with H' and W' multiples of ``multiple``

    Attributes:
        mode: "reflect" mirrors the image without repeating the edge, as often as necessary; "replicate" repeats it
    """

    def __init__(
        self, width: int, multiple: int = 1, mode: Literal["reflect", "replicate"] = "reflect", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.multiple, self.mode = width, multiple, mode

    def call(self, x: Any) -> Any:
        for axis, size in enumerate(ops.shape(x)[1:3], start=1):
            padded = size + _missing(size, self.multiple) + 2 * self.width
            places = ops.arange(padded, dtype="int32") - self.width
            if self.mode == "reflect":
                places = _mirrored_places(ops.abs(places), size)
            else:
                places = ops.maximum(ops.minimum(places, size - 1), 0)
            x = ops.take(x, places, axis=axis)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, *sizes, channels = input_shape
        filled = (None if size is None else size + _missing(size, self.multiple) for size in sizes)
        return _grown((count, *filled, channels), self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "multiple": self.multiple, "mode": self.mode}


@keras.saving.register_keras_serializable("img2imgkit")
class CropLike(layers.Layer):
    """Cut off the bottom and the right of an image until it is ``scale`` times as large as another one.

    Shapes:
        [(N, H', W', C), (N, H, W, any)] -> (N, scale * H, scale * W, C)
    """

    def __init__(self, scale: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        x, other = inputs
        _, height, width, _ = ops.shape(other)
        return x[:, : self.scale * height, : self.scale * width]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first, other = input_shape
        sizes = (None if size is None else self.scale * size for size in other[1:3])
        return (first[0], *sizes, first[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


def _missing(size: Any, multiple: int) -> Any:
    """Pixels up to the next multiple. Remainders of negative numbers differ between export formats."""
    return multiple - 1 - (size - 1) % multiple


def _mirrored_places(places: Any, size: Any, repeats: bool = False) -> Any:
    """The pixel of an axis of length ``size`` that its mirrored continuation shows at each place from 0 on.

    Args:
        repeats: whether the mirror repeats the edge
    """
    period, less = (2 * size, 1) if repeats else (2 * size - 2, 0)
    period = ops.cast(ops.maximum(period, 1), "int32")
    places = places % period
    return ops.minimum(places, period - places - less)
