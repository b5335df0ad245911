"""The devices of a translation, their free memory, and the memory that a network needs per pixel."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from img2imgkit import backend
from img2imgkit.inference.inputs.conditions import blank
from img2imgkit.inference.tiles.grid import Span, padded
from img2imgkit.task import Networks, Task, Tensor

FALLBACK_BYTES = 4 << 30  # assumed if the system does not report its memory
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def scope(names: Sequence[str]) -> tuple[Any, AbstractContextManager[Any]]:
    """The distribution strategy for several devices (None for one), and the scope to create variables in."""
    import tensorflow as tf

    if len(names) == 1:
        return None, tf.device(names[0])
    strategy = backend.strategy_over(names)
    return strategy, strategy.scope()


def free_bytes(name: str) -> int:
    """Memory that one model call may use on a device: half of the free main memory, or most of a GPU's free memory."""
    if "GPU" in name.upper():
        return _gpu_bytes(name)
    return _main_bytes() // 2


def _gpu_bytes(name: str) -> int:
    import tensorflow as tf
    from tensorflow.python.client import device_lib  # the only API with the allocator's limit

    limits = {device.name: device.memory_limit for device in device_lib.list_local_devices()}
    short = "/device:" + name.rsplit("device:", 1)[-1]
    used = tf.config.experimental.get_memory_info(short.removeprefix("/device:"))["current"]
    return max(0, int(limits.get(short, FALLBACK_BYTES)) - used) * 4 // 5


def _main_bytes() -> int:
    """Free memory of the system, or of this process's control group if that is less."""
    free = [_available(), _cgroup_free()]
    return min((bytes_ for bytes_ in free if bytes_ is not None), default=FALLBACK_BYTES)


def _available() -> int | None:
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        match = None
    if match:
        return int(match[1]) << 10
    names: Any = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE")) // 2
    return None


def _cgroup_free() -> int | None:
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return max(0, int(limit) - int(used))
    except (OSError, ValueError):  # no control group, or the limit is "max"
        return None


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
