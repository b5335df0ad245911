"""The memory that a network needs per pixel, computed from its graph without running it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from img2imgkit.inference.inputs.conditions import blank
from img2imgkit.inference.tiles.grid import Span, padded
from img2imgkit.task import Networks, Task, Tensor

PROBE = 64  # pixels, or the network's minimum size if that is larger
WORKSPACE = 2.0  # convolutions need scratch memory in addition to inputs and outputs


def bytes_per_pixel(task: Task, nets: Networks) -> float:
    """Peak memory per input pixel, including scratch memory.

    The graph is traced for one fixed size and walked in order: a tensor is alive from its op to its last reader.
    """
    import tensorflow as tf

    geometry = task.geometry()
    side = padded(PROBE, geometry)
    source = tf.TensorSpec((1, side, side, geometry.channels), tf.float32)
    conditions = blank(task, nets, side, side).at([(Span(0, side, 0, side), Span(0, side, 0, side))])
    specs = {name: tf.TensorSpec(array.shape, tf.float32) for name, array in conditions.items()}

    def translate(inputs: Mapping[str, Tensor]) -> Tensor:
        return task.translate(nets, inputs)

    graph = tf.function(translate, autograph=False).get_concrete_function({**specs, "source": source}).graph
    return WORKSPACE * peak(graph) / side**2


def peak(graph: Any) -> int:
    """Peak memory of a graph in bytes without weights, which do not grow with the picture."""
    ops = graph.get_operations()
    last = {tensor.ref(): number for number, op in enumerate(ops) for tensor in op.inputs}
    alive = peak = 0
    for number, op in enumerate(ops):
        alive += sum(_bytes(tensor) for tensor in op.outputs if tensor.ref() in last)
        peak = max(peak, alive)
        read = {tensor.ref(): tensor for tensor in op.inputs}
        alive -= sum(_bytes(tensor) for ref, tensor in read.items() if last[ref] == number)
    return peak


def _bytes(tensor: Any) -> int:
    if tensor.op.type in ("Const", "ReadVariableOp") or tensor.shape.rank is None:
        return 0
    return math.prod(size or 1 for size in tensor.shape) * int(tensor.dtype.size)
