"""ncnn's file of weights: the arrays of each layer in the graph's order, one behind the other, without any names.

What stands where: ``load_model`` of each layer and ``ModelBin`` in https://github.com/Tencent/ncnn. Numbers are
little-endian. A layer's kernel has a mark before it that says how it is stored; biases and slopes are plain float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from img2imgkit_plugins.ncnn.graph import Layer

import img2imgkit as kit

FLOAT16, INT8, SCALED = 0x01306B47, 0x000D4B38, 0x0002C056
ALIGNMENT = 4  # bytes; arrays of half floats are filled up to it
KERNEL = 3  # height and width; no network that is known here has another

Arrays = Mapping[str, np.ndarray]
"""By PyTorch's name of each: "weight" (out, in, height, width) or (slopes,), "bias" (out,)."""


def kernel_shape(layer: Layer) -> tuple[int, int, int, int]:
    """The shape of a convolution's kernel (out, in, height, width), which its line states as two numbers.

    Raises:
        InteropError: they are of no convolution of 3 x 3.
    """
    outputs, count = layer.whole(0), layer.whole(6)
    inputs, rest = divmod(count, outputs * KERNEL**2) if outputs else (0, count)
    if rest or not inputs:
        raise kit.InteropError(f"{layer}: {count} weights are not {KERNEL} x {KERNEL} for each of {outputs} filters")
    return outputs, inputs, KERNEL, KERNEL


def read_weights(path: Path, layers: Sequence[Layer]) -> dict[str, Arrays]:
    """The arrays of each layer that has any, by its name, in float32.

    No memory is taken for more than the file has left.

    Raises:
        InteropError: the file cannot be read, ends early, goes on afterwards, or is quantised.
    """
    try:
        with path.open("rb") as file:
            reader = _Reader(file, path.stat().st_size)
            found = {layer.name: _arrays(reader, layer) for layer in layers if layer.kind in ("Convolution", "PReLU")}
    except OSError as error:
        raise kit.InteropError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    except kit.InteropError as error:
        raise kit.InteropError(f"{path.name}: {error}") from None
    if reader.left:
        raise kit.InteropError(f"{path.name}: {reader.left} bytes are left behind the last layer's weights")
    return found


def _arrays(reader: _Reader, layer: Layer) -> Arrays:
    if layer.kind == "PReLU":
        return {"weight": reader.plain(layer, layer.whole(0))}
    shape = kernel_shape(layer)
    kernel = reader.marked(layer, layer.whole(6)).reshape(shape)
    return {"weight": kernel, "bias": reader.plain(layer, shape[0])}


class _Reader:
    """The file from its beginning to its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.left = size

    def plain(self, layer: Layer, count: int) -> np.ndarray:
        """The next numbers, as float32. Shape: (count,)."""
        return np.frombuffer(self._bytes(layer, 4 * count), "<f4").astype(np.float32)

    def marked(self, layer: Layer, count: int) -> np.ndarray:
        """The next numbers behind a mark; half floats are widened, which changes none. Shape: (count,), float32."""
        mark = int.from_bytes(self._bytes(layer, 4), "little")
        if mark == 0:
            return self.plain(layer, count)
        if mark == FLOAT16:
            size = -(-2 * count // ALIGNMENT) * ALIGNMENT
            return np.frombuffer(self._bytes(layer, size), "<f2", count).astype(np.float32)
        if mark in (INT8, SCALED):
            raise kit.InteropError(f"{layer}: its weights are for integers of 8 bits; take the file of floats")
        raise kit.InteropError(
            f"{layer}: the mark 0x{mark:08X} before its weights is neither of float32 nor of float16; "
            "tables of 256 values are not read, and a damaged file can look like this"
        )

    def _bytes(self, layer: Layer, size: int) -> bytes:
        if size > self.left:
            raise kit.InteropError(f"{layer} has {size} bytes here, and the file only {self.left} more")
        self.left -= size
        raw = self._file.read(size)
        if len(raw) != size:
            raise kit.InteropError(f"{layer}: the file ended early")
        return raw
