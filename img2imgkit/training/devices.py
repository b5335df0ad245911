"""From what the user calls devices to one tf.distribute strategy."""

from __future__ import annotations

import re

import tensorflow as tf

from img2imgkit.errors import TrainingError


def strategy_for(device: str) -> tf.distribute.Strategy:
    """The strategy of ``auto``, ``cpu``, ``gpu`` (all of them) or ``gpu:0,1``; one device or mirrored over several.

    Raises:
        TrainingError: there is no such device.
    """
    names = _names(device)
    return tf.distribute.OneDeviceStrategy(names[0]) if len(names) == 1 else tf.distribute.MirroredStrategy(names)


def _names(device: str) -> list[str]:
    if device == "auto":
        return _names("gpu") if tf.config.list_logical_devices("GPU") else ["/cpu:0"]
    match = re.fullmatch(r"(cpu|gpu)(?::(\d+(?:,\d+)*))?", device)
    if not match:
        raise TrainingError(f"device {device!r}: expected auto, cpu, gpu, gpu:0 or gpu:0,1")
    kind, numbers = match.groups()
    there = len(tf.config.list_logical_devices(kind.upper()))
    default = range(there) if kind == "gpu" else range(1)
    wanted = [int(number) for number in numbers.split(",")] if numbers else list(default)
    if not wanted or max(wanted) >= there or len(set(wanted)) < len(wanted):
        raise TrainingError(f"device {device!r}: this machine has {there} {kind} device(s); see img2img doctor")
    return [f"/{kind}:{number}" for number in wanted]
