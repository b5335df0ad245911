"""Devices: several produce the same bytes as one, and report their free memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_tasks
from tiny_tasks import Plain, Reflecting, loaded

import img2imgkit as kit
from img2imgkit import backend
from img2imgkit.engine import EngineDevice
from img2imgkit.errors import ConfigError
from img2imgkit.inference.engines import devices
from img2imgkit.inference.engines.devices import WORKSPACE, bytes_per_pixel

CPU, GPU = EngineDevice("cpu", 0, "CPU"), EngineDevice("gpu", 0, "GPU")
TWO = """
import json, sys
import numpy as np
from img2imgkit import backend
backend.load()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tiny_tasks import Nearest, Plain, loaded
from img2imgkit.images import Picture
from img2imgkit.inference import TranslateOptions, Translator

given = Picture(np.random.default_rng(0).integers(0, 256, (70, 95, 3), dtype=np.uint8))
found = {}
for device in ("cpu:0", "cpu:1", "cpu:0,1"):
    for batch in (1, 2):
        translator = Translator(loaded(Plain), TranslateOptions(tile=30, batch=batch), device)
        made = translator.translate(given)
        found[f"{device}/{batch}"] = [
            translator.devices, translator.model.runner.replicas, made.notes["tiles"],
            [session.traces for session in translator.model.runner.sessions],
            hash(made.picture.color.tobytes()),
        ]
half = Translator(loaded(Nearest, gain=1e6), TranslateOptions(precision="float16", tile=40), "cpu:0,1")
overflow = half.translate(given)
found["overflow"] = bool((overflow.picture.color == given.color.repeat(2, 0).repeat(2, 1)).all())
print(json.dumps(found))
"""


@pytest.mark.slow
def test_several_devices_produce_the_bytes_of_one() -> None:
    here = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{TWO}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("overflow") is True
    assert len({made[4] for made in found.values()}) == 1
    assert {made[2] for made in found.values()} == {12}
    names = ["/device:CPU:0", "/device:CPU:1"]
    assert [found[key][:2] for key in ("cpu:0/1", "cpu:1/1", "cpu:0,1/2")] == [
        [names[:1], 1],
        [names[1:], 1],
        [names, 2],
    ]
    assert found["cpu:0,1/1"][3] == found["cpu:0,1/2"][3] == [1, 1]


def test_the_cpu_is_used_without_other_devices() -> None:
    import tensorflow as tf

    gpus = tuple(device.name for device in tf.config.list_logical_devices("GPU"))
    assert backend.devices("auto") == (gpus or ("/device:CPU:0",))
    assert backend.devices("cpu") == backend.devices("cpu:0") == ("/device:CPU:0",)


def test_a_control_groups_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000000 kB\nMemAvailable:    2000000 kB\n")
    monkeypatch.setattr(devices, "_MEMINFO", meminfo)
    monkeypatch.setattr(devices, "_CGROUP", tmp_path)
    assert devices.free_bytes(CPU, None) == 1_000_000 * 1024
    (tmp_path / "memory.max").write_text("500000000\n")
    (tmp_path / "memory.current").write_text("100000000\n")
    assert devices.free_bytes(CPU, None) == 200_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert devices.free_bytes(CPU, None) == 1_000_000 * 1024


def test_a_system_without_memory_information_gets_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(devices, "_CGROUP", tmp_path)
    assert devices.free_bytes(CPU, None) > 1 << 26  # a share of the installed memory
    monkeypatch.setattr(devices.os, "sysconf_names", {})
    assert devices.free_bytes(CPU, None) == devices.FALLBACK_BYTES // 2


def test_what_an_engine_says_of_its_memory_counts() -> None:
    assert devices.free_bytes(GPU, 5) == devices.free_bytes(CPU, 5) == 5
    assert devices.free_bytes(GPU, None) == devices.FALLBACK_BYTES


@pytest.mark.parametrize(
    ("device", "kind", "numbers"),
    [
        ("auto", "cpu", [0]),
        ("cpu", "cpu", [0]),
        ("cpu:1", "cpu", [1]),
        ("auto", "gpu", [0, 1, 2]),
        ("gpu", "gpu", [0, 1, 2]),
        ("gpu:2,0,2", "gpu", [2, 0]),
        ("gpu:1,3", "gpu", []),
    ],
)
def test_a_text_selects_devices(device: str, kind: str, numbers: list[int]) -> None:
    there = [*(EngineDevice("cpu", n, f"c{n}") for n in range(2)), *(EngineDevice("gpu", n, f"g{n}") for n in range(3))]
    assert [each.number for each in devices.chosen(device, kind, there)] == numbers
    assert {each.kind for each in devices.chosen(device, kind, there)} <= {kind}


@pytest.mark.parametrize("device", ["tpu", "gpu:", "auto:1", "cpu:x", ""])
def test_a_text_that_is_no_device_is_refused(device: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, cpu, gpu"):
        devices.parsed(device)


@pytest.mark.parametrize(("visible", "expected"), [(None, 2), ("", 0), ("-1", 0), ("1", 1), ("0,1,2", 2)])
def test_nvidia_gpus_are_counted_by_their_driver(
    visible: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_DEV", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.nvidia_gpus() == 0
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices.nvidia_gpus() == expected


@pytest.mark.parametrize(
    ("text", "native"), [("flags : fpu amx_bf16", True), ("flags : avx512_bf16x", False), ("Features : bf16", False)]
)
def test_the_processors_flags_tell_its_number_formats(
    text: str, native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"model name\t: Made Up\n{text}\n")
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "cpuinfo")
    devices._cpuinfo.cache_clear()
    assert (devices.cpu_name(), devices.has_bfloat16()) == ("Made Up", native)
    devices._cpuinfo.cache_clear()


@pytest.mark.parametrize(
    ("allowed", "quota", "expected"),
    [
        ({0, 1, 2, 3}, "max 100000", 2),
        ({0, 2}, None, 1),
        ({0, 1}, None, 2),
        ({0, 1}, "50000 100000", 1),
        ({9}, None, 1),
    ],
)
def test_threads_are_the_cores_that_this_process_may_use(
    allowed: set[int], quota: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processors 0 and 2 share a core, as 1 and 3 do; 9 says nothing."""
    for number in range(4):
        (tmp_path / f"cpu{number}/topology").mkdir(parents=True)
        siblings = tmp_path / f"cpu{number}/topology/thread_siblings_list"
        siblings.write_text(f"{number % 2},{number % 2 + 2}\n")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(devices, "_CPUS", tmp_path)
    monkeypatch.setattr(devices, "_CGROUP", tmp_path)
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _: allowed, raising=False)
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 4)
    assert devices.cpu_threads() == expected


class Wide(tiny_tasks._Tiny):
    """One wide layer; with ``skip``, the input is used again at the end."""

    name = "tiny-wide"

    class Options(tiny_tasks._Tiny.Options):
        width: int = 64
        skip: bool = False

    def network(self, image: Any) -> Any:
        from keras import layers

        first = layers.Conv2D(32, 1, use_bias=False)(image)
        wide = layers.Conv2D(self.options.width, 1, use_bias=False)(first)
        last = layers.Conv2D(32, 1, use_bias=False)(wide)
        return layers.Conv2D(3, 1, use_bias=False)(first + last if self.options.skip else last)


def measured(task: type[kit.Task], **options: Any) -> float:
    bundle = loaded(task, **options)
    return bytes_per_pixel(bundle.task, bundle.nets) / WORKSPACE


def test_the_peak_counts() -> None:
    assert measured(Wide, scale=1) == pytest.approx(4 * (64 + 32), rel=0.05)
    assert measured(Wide, scale=1, width=256) == pytest.approx(4 * (256 + 32), rel=0.05)


def test_a_tensor_that_is_needed_later_counts_until_then() -> None:
    assert measured(Wide, scale=1, skip=True) == pytest.approx(4 * (64 + 32 + 32), rel=0.05)


def test_a_minimum_size_above_the_probe_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "PROBE", 4)  # too small for this network's reflection
    assert measured(Reflecting) > 0


def test_a_larger_output_counts() -> None:
    assert measured(Plain, scale=4) > measured(Plain, scale=2) > measured(Plain, scale=1)
