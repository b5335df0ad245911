"""Devices as users name them, and the strategy over them."""

from __future__ import annotations

import pytest

from img2imgkit import backend
from img2imgkit.errors import ConfigError

backend.load()

import tensorflow as tf  # noqa: E402

GPUS = len(tf.config.list_physical_devices("GPU"))  # asking for logical ones would start TensorFlow


def strategy_of(device: str) -> tf.distribute.Strategy:
    return backend.strategy_over(backend.devices(device))


@pytest.mark.parametrize("device", ["cpu", "cpu:0", "cpu:0,0"])
def test_the_cpu_is_one_device(device: str) -> None:
    strategy = strategy_of(device)
    assert strategy.num_replicas_in_sync == 1
    assert "CPU:0" in strategy.extended.worker_devices[0]


def test_auto_is_every_gpu_or_the_cpu() -> None:
    devices = strategy_of("auto").extended.worker_devices
    assert len(devices) == max(1, GPUS)
    assert all(("GPU" if GPUS else "CPU") in device for device in devices)


@pytest.mark.usefixtures("two_cpus")
def test_several_devices_are_mirrored() -> None:
    assert strategy_of("cpu:0,1").num_replicas_in_sync == 2


@pytest.mark.parametrize("device", [f"gpu:{GPUS}", "cpu:99"] + ([] if GPUS else ["gpu"]))
def test_a_missing_device_is_named(device: str) -> None:
    with pytest.raises(ConfigError, match=r"TensorFlow sees \d+ (CPU|GPU) device"):
        strategy_of(device)


@pytest.mark.parametrize("device", ["", "tpu", "gpu:", "gpu:a", "cpu:0,"])
def test_an_invalid_device_is_explained(device: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, cpu, gpu, or gpu with numbers such as gpu:0,1"):
        strategy_of(device)
