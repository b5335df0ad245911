"""Devices: which ones a run asks for, the processor's number formats, free memory, and what a network needs of it."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from img2imgkit.backend import DEVICE
from img2imgkit.engine import EngineDevice
from img2imgkit.errors import ConfigError
from img2imgkit.inference.inputs.conditions import blank
from img2imgkit.inference.tiles.grid import Span, padded
from img2imgkit.task import Networks, Task, Tensor

FALLBACK_BYTES = 4 << 30  # assumed if the system does not report its memory
BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_MEMINFO, _CPUINFO, _CGROUP, _DEV = Path("/proc/meminfo"), Path("/proc/cpuinfo"), Path("/sys/fs/cgroup"), Path("/dev")
_CPUS = Path("/sys/devices/system/cpu")


def parsed(device: str) -> tuple[str, tuple[int, ...] | None]:
    """The kind, "auto", "cpu" or "gpu", and the numbers, None if not stated, of a device as users write it.

    Raises:
        ConfigError: the text is not one of these.
    """
    match = DEVICE.fullmatch(device)
    if match is None:
        raise ConfigError(f"device {device!r}: expected auto, cpu, gpu, or gpu with numbers such as gpu:0,1")
    numbers = tuple(dict.fromkeys(map(int, match[2].split(",")))) if match[2] else None
    return match[1] or "auto", numbers


def chosen(device: str, kind: str, there: Sequence[EngineDevice]) -> tuple[EngineDevice, ...]:
    """The devices of a kind that a text selects among those of an engine; empty if one does not exist.

    Without numbers these are the first CPU, or all GPUs.
    """
    numbers = parsed(device)[1]
    present = {each.number: each for each in there if each.kind == kind}
    if numbers is None:
        return tuple(present.values())[: 1 if kind == "cpu" else None]
    return tuple(present[number] for number in numbers) if present.keys() >= {*numbers} else ()


@lru_cache(maxsize=1)
def _cpuinfo() -> tuple[str, frozenset[str]]:
    """The product's name and the flags of the processor; empty where the system does not report them."""
    try:
        text = _CPUINFO.read_text(errors="replace")
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*: (.+)$", text, re.MULTILINE)
    return name[1] if name else platform.machine(), frozenset(flags[1].split() if flags else ())


def cpu_name() -> str:
    """The product's name of the processor."""
    return _cpuinfo()[0]


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16 natively: AMX or AVX512-BF16."""
    return bool(_cpuinfo()[1] & BFLOAT16_FLAGS)


def cpu_threads() -> int:
    """The cores that this process may use: two threads on one core are not faster, nor are more than a quota allows."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    try:
        cores = {(_CPUS / f"cpu{number}/topology/thread_siblings_list").read_text() for number in allowed}
    except OSError:  # not reported
        return min(len(allowed), _quota())
    return max(1, min(len(cores), _quota()))


def _quota() -> int:
    """The processors that this process's control group may use at once, rounded up."""
    try:
        stated, period = (_CGROUP / "cpu.max").read_text().split()
        return max(1, math.ceil(int(stated) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):  # no control group, or the limit is "max"
        return os.cpu_count() or 1


def nvidia_gpus() -> int:
    """The number of NVIDIA GPUs with a driver that this process may use, without loading any library."""
    there = len([each for each in _DEV.glob("nvidia[0-9]*") if each.name[6:].isdecimal()])
    there = there or int((_DEV / "dxg").exists() or Path("C:/Windows/System32/nvcuda.dll").exists())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return there
    return min(there, len([each for each in visible.split(",") if each.strip() not in ("", "-1")]))


def free_bytes(device: EngineDevice, own: int | None) -> int:
    """Memory that one model call may use on a device.

    Args:
        own: what the engine says; None: half of the free main memory for a CPU, a guess for a GPU
    """
    if own is not None:
        return own
    return _main_bytes() // 2 if device.kind == "cpu" else FALLBACK_BYTES


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
