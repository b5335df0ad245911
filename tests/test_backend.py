"""Devices as users name them, and the strategy over them."""

from __future__ import annotations

import os
import subprocess
import sys

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


NOISY = """
import os
os.write(2, b"noise of tensorflow ")
{last}
def get_logger():
    import logging
    return logging.getLogger("tensorflow")
"""


class TestQuietImports:
    @pytest.fixture
    def heard(self, tmp_path):
        """What a fresh interpreter writes to stderr, where ``tensorflow`` is a module that makes noise."""

        def call(code, last=""):
            (tmp_path / "tensorflow.py").write_text(NOISY.format(last=last))
            (tmp_path / "keras.py").write_text("import os, tensorflow\nos.write(2, b'noise of keras ')\n")
            (tmp_path / "plugin.py").write_text("import os, keras\nos.write(2, b'own words ')\n")
            environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
            code = f"import os, sys\nfrom img2imgkit import backend\n{code}"
            return subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False
            ).stderr

        return call

    def test_noise_is_held_back_and_nothing_else(self, heard):
        assert heard("with backend.quiet_imports():\n    import plugin") == "own words "

    def test_without_it_the_noise_is_heard(self, heard):
        assert heard("import plugin") == "noise of tensorflow noise of keras own words "

    def test_it_imports_nothing_and_leaves_nothing_behind(self, heard):
        code = """
before = list(sys.meta_path), dict(os.environ)
with backend.quiet_imports():
    import json
assert (list(sys.meta_path), dict(os.environ)) == before
assert not {"keras", "tensorflow"} & sys.modules.keys()
"""
        assert heard(code) == ""

    def test_the_noise_of_an_import_that_fails_is_shown(self, heard):
        said = heard("with backend.quiet_imports():\n    import plugin", last="raise ImportError('no driver')")
        assert "noise of tensorflow" in said
        assert "ImportError: no driver" in said


class TestOps:
    def test_they_are_those_of_keras(self):
        import keras

        assert backend.ops.mean is keras.ops.mean

    def test_an_unknown_one_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="maen"):
            _ = backend.ops.maen
