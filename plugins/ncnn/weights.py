"""ncnn's weights file: the arrays of each layer in the graph's order, concatenated, without names.

Format: ``load_model`` of each layer and ``ModelBin`` in https://github.com/Tencent/ncnn. Numbers are little-endian. A
tag before each kernel states its storage type; biases and slopes are plain float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from img2imgkit_plugins.ncnn.graph import Layer

import img2imgkit as kit

FLOAT16, INT8, SCALED = 0x01306B47, 0x000D4B38, 0x0002C056
ALIGNMENT = 4  # bytes; float16 arrays are padded to a multiple
WEIGHTED = ("Convolution", "Deconvolution", "InnerProduct", "PReLU")

Arrays = Mapping[str, np.ndarray]
"""Arrays by PyTorch's names: "weight" (out, in, height, width), of transposed convolutions (in, out, height, width), or
(slopes,); "bias" (out,)."""


def kernel_shape(layer: Layer) -> tuple[int, int, int, int]:
    """The shape of a kernel in the file, (out, in, height, width), from the numbers in its line.

    Matrices of inner products are kernels of 1 x 1.

    Raises:
        InteropError: they do not describe a kernel.
    """
    matrix = layer.kind == "InnerProduct"
    size, outputs, count = (1 if matrix else layer.whole(1)), layer.whole(0), layer.whole(2 if matrix else 6)
    inputs, rest = divmod(count, outputs * size**2) if outputs * size else (0, count)
    if rest or not inputs:
        raise kit.InteropError(f"{layer}: {count} weights do not divide into {outputs} filters of {size} x {size}")
    return outputs, inputs, size, size


def read_weights(path: Path, layers: Sequence[Layer]) -> dict[str, Arrays]:
    """Read the arrays of each layer with weights, by layer name, in float32.

    Never allocates more memory than the size of the file.

    Raises:
        InteropError: the file cannot be read, is too short, too long or quantised.
    """
    try:
        with kit.open_regular(path) as file:
            reader = _Reader(file, path.stat().st_size)
            found = {layer.name: _arrays(reader, layer) for layer in layers if layer.kind in WEIGHTED}
    except OSError as error:
        raise kit.InteropError(f"{path.name}: cannot be read: {error.strerror or error}") from None
    except kit.InteropError as error:
        raise kit.InteropError(f"{path.name}: {error}") from None
    if reader.left:
        raise kit.InteropError(f"{path.name}: {reader.left} bytes are left after the last layer's weights")
    return found


def weights_bytes(layers: Sequence[Layer], arrays: Mapping[str, Arrays], half: bool = False) -> Iterator[bytes]:
    """The contents of a ``.bin`` file, array by array.

    Args:
        arrays: the weights of each layer by its name, as ``read_weights`` returns them
        half: whether kernels are stored in float16; biases, slopes and scales stay float32
    """
    for layer in layers:
        found = arrays.get(layer.name, {})
        for name in ("weight", "bias"):
            if name in found:
                array = (
                    found[name].swapaxes(0, 1) if layer.kind == "Deconvolution" and name == "weight" else found[name]
                )
                yield _tagged_bytes(array, half) if array.ndim == 4 else array.astype("<f4").tobytes()


def _tagged_bytes(array: np.ndarray, half: bool) -> bytes:
    tag = (FLOAT16 if half else 0).to_bytes(4, "little")
    raw = array.astype("<f2" if half else "<f4").tobytes()
    return tag + raw + b"\0" * (-len(raw) % ALIGNMENT)


def _arrays(reader: _Reader, layer: Layer) -> Arrays:
    if layer.kind == "PReLU":
        return {"weight": reader.plain(layer, layer.whole(0))}
    shape = kernel_shape(layer)
    kernel = reader.tagged(layer, math.prod(shape)).reshape(shape)
    if layer.kind == "Deconvolution":
        kernel = kernel.swapaxes(0, 1)
    return {"weight": kernel, "bias": reader.plain(layer, shape[0])}


class _Reader:
    """Reads a file from start to end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.left = size

    def plain(self, layer: Layer, count: int) -> np.ndarray:
        """Read plain numbers, as float32. Shape: (count,)."""
        return np.frombuffer(self._bytes(layer, 4 * count), "<f4").astype(np.float32)

    def tagged(self, layer: Layer, count: int) -> np.ndarray:
        """Read tagged numbers; float16 is converted to float32 exactly. Shape: (count,), float32."""
        tag = int.from_bytes(self._bytes(layer, 4), "little")
        if tag == 0:
            return self.plain(layer, count)
        if tag == FLOAT16:
            size = -(-2 * count // ALIGNMENT) * ALIGNMENT
            return np.frombuffer(self._bytes(layer, size), "<f2", count).astype(np.float32)
        if tag in (INT8, SCALED):
            raise kit.InteropError(f"{layer}: its weights are quantised to int8; use the file in float16 or float32")
        raise kit.InteropError(
            f"{layer}: the tag 0x{tag:08X} before its weights is neither float32 nor float16; "
            "tables of 256 values are not supported, or the file is damaged"
        )

    def _bytes(self, layer: Layer, size: int) -> bytes:
        if size > self.left:
            raise kit.InteropError(f"{layer} needs {size} bytes, but only {self.left} are left in the file")
        self.left -= size
        raw = self._file.read(size)
        if len(raw) != size:
            raise kit.InteropError(f"{layer}: the file ended early")
        return raw
