"""What users call devices."""

from __future__ import annotations

import pytest
import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.training.devices import strategy_for

GPUS = len(tf.config.list_physical_devices("GPU"))  # asking for logical ones would start TensorFlow


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_the_cpu_is_one_device(device: str) -> None:
    strategy = strategy_for(device)
    assert strategy.num_replicas_in_sync == 1
    assert "CPU:0" in strategy.extended.worker_devices[0]


def test_auto_takes_every_gpu_or_the_cpu() -> None:
    devices = strategy_for("auto").extended.worker_devices
    assert len(devices) == max(1, GPUS)
    assert all(("GPU" if GPUS else "CPU") in device for device in devices)


@pytest.mark.usefixtures("two_cpus")
def test_several_devices_are_mirrored() -> None:
    assert strategy_for("cpu:0,1").num_replicas_in_sync == 2


@pytest.mark.parametrize("device", [f"gpu:{GPUS}", "cpu:99", "cpu:0,0"] + ([] if GPUS else ["gpu"]))
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(TrainingError, match=r"this machine has \d+ (cpu|gpu) device"):
        strategy_for(device)


@pytest.mark.parametrize("device", ["", "tpu", "gpu:", "gpu:a", "cpu:0,"])
def test_what_is_no_device_is_explained(device: str) -> None:
    with pytest.raises(TrainingError, match="expected auto, cpu, gpu, gpu:0 or gpu:0,1"):
        strategy_for(device)
