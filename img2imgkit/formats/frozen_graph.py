"""Frozen TensorFlow graphs: networks of TensorFlow 1 whose weights are constants. Read as arrays, never run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.files import read_bytes

MAX_BYTES = 1 << 30  # of the file; the Inception network of 2015 has 91 MiB
MAX_REPEATED = 1 << 20  # elements of a constant that states one value for all of them


def read_frozen_graph(path: Path) -> dict[str, np.ndarray]:
    """Read the numeric constants of a graph's nodes, by the nodes' names; every other node is ignored.

    Raises:
        InteropError: the file cannot be read, is damaged or no graph, or a constant is not what it states.
    """
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    try:
        graph.ParseFromString(read_bytes(path, MAX_BYTES))
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # protobuf's errors have no common base but this
        raise InteropError(f"{path}: not a frozen TensorFlow graph, or incomplete: {error}") from None
    found = {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}
    arrays = {name: _array(path, name, tensor) for name, tensor in found.items()}
    numbers = {name: array for name, array in arrays.items() if array is not None}
    if not numbers:
        raise InteropError(f"{path}: has no constants, so it is no frozen TensorFlow graph")
    return numbers


def _array(path: Path, name: str, tensor: object) -> np.ndarray | None:
    """The constant as an array; None if it does not hold numbers."""
    import tensorflow as tf

    shape = [dimension.size for dimension in tensor.tensor_shape.dim]  # type: ignore[attr-defined]
    raw = tensor.tensor_content  # type: ignore[attr-defined]
    try:
        dtype = tf.dtypes.as_dtype(tensor.dtype)  # type: ignore[attr-defined]
        if not (dtype.is_floating or dtype.is_integer):
            return None
        if min(shape, default=0) < 0 or (not raw and math.prod(shape) > MAX_REPEATED):
            raise ValueError(f"states the shape {tuple(shape)} without its numbers")
        return np.asarray(tf.make_ndarray(tensor))
    except (TypeError, ValueError) as error:
        raise InteropError(f"{path}: constant {name!r} is damaged: {error}") from None
