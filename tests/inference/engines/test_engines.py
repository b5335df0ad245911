"""What every engine promises: exact sizes, tiles, levels, memory, NaN, devices, the same bytes, conditions."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Nearest, Normed, Painted, Plain, Strided, Tinted, loaded, tiny_catalog

from img2imgkit import bundle
from img2imgkit.engine import EngineDevice, OutOfMemory, Session
from img2imgkit.errors import BundleError, ConfigError, TranslateError
from img2imgkit.images import Picture
from img2imgkit.inference import BUILT_IN, TranslateOptions, Translator, find_model
from img2imgkit.inference.engines import devices, openvino_engine
from img2imgkit.inference.engines.onnxruntime_engine import OnnxSession
from img2imgkit.inference.engines.selection import Selected

RNG = np.random.default_rng(0)
CATALOG = tiny_catalog()
ENGINES = pytest.mark.parametrize("engine", sorted(BUILT_IN))
Open = Callable[..., Translator]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens a task's bundle on an engine; each bundle is written once, with its ONNX form."""
    from img2imgkit.exporting import add_engine_form

    folder, made = tmp_path_factory.mktemp("bundles"), dict[str, Path]()

    def open_(engine: str, task: Any, device: str = "cpu", **options: Any) -> Translator:
        if task.name not in made:
            made[task.name] = folder / task.name
            bundle.save(made[task.name], loaded(task).task, loaded(task).nets, "tiny", CATALOG)
            assert add_engine_form(bundle.load(made[task.name], CATALOG)) == ""
        found = find_model(str(made[task.name]), Path.cwd(), CATALOG)
        settings = TranslateOptions(engine=engine, **options)
        version = BUILT_IN[engine]().version() or ""
        form = bundle.engine_form(made[task.name], bundle.describe(made[task.name]))
        model = found.load(form if BUILT_IN[engine].form == "onnx" else None)
        return Translator(model, settings, device, Selected(engine, version, "cpu", settings.precision))

    return open_


def picture(
    height: int = 61, width: int = 74, channels: int = 3, dtype: Any = np.uint8, alpha: bool = False
) -> Picture:
    top = np.iinfo(dtype).max
    color = RNG.integers(0, top, (height, width, channels), dtype, endpoint=True)
    see = RNG.integers(0, top, (height, width, 1), dtype, endpoint=True) if alpha else None
    return Picture(color, see, "rgb" if channels == 3 else "grey")


def furthest(one: Picture, other: Picture) -> int:
    """The largest difference in levels."""
    return int(np.abs(one.color.astype(np.int64) - other.color.astype(np.int64)).max())


@ENGINES
@pytest.mark.parametrize("task", [Plain, Normed, Strided])
def test_sizes_are_exact_and_levels_are_those_of_the_networks(opened: Open, engine: str, task: Any) -> None:
    translator, original = opened(engine, task), Translator(loaded(task), device="cpu")
    for height, width in ((1, 1), (1, 9), (13, 31), (40, 24)):
        given = picture(height, width)
        made = translator.translate(given)
        scale = original.geometry.scale
        assert made.picture.color.shape == (scale * height, scale * width, 3)
        assert furthest(made.picture, original.translate(given).picture) <= 1
        assert made.notes == {"tile": "whole", "tiles": 1}


@ENGINES
@pytest.mark.parametrize("task", [Plain, Strided])
def test_tiles_equal_the_whole_picture(opened: Open, engine: str, task: Any) -> None:
    given = picture(97, 131, dtype=np.uint16, alpha=True)
    tiled = opened(engine, task, tile=60).translate(given)
    whole = opened(engine, task, tile="off").translate(given)
    assert tiled.notes["tiles"] > 1
    assert "inexact" not in tiled.notes
    assert tiled.picture.color.dtype == np.uint16
    assert furthest(tiled.picture, whole.picture) <= 1


@ENGINES
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_level_is_kept(opened: Open, engine: str, dtype: Any, channels: int) -> None:
    given = picture(40, 30, channels, dtype)
    made = opened(engine, Nearest, tile=16).translate(given).picture
    assert made.color.dtype == dtype
    assert (made.color == given.color.repeat(2, axis=0).repeat(2, axis=1)).all()


@ENGINES
def test_an_ensemble(opened: Open, engine: str) -> None:
    given = picture(20, 33)
    expected = Translator(loaded(Plain), TranslateOptions(ensemble=True), "cpu").translate(given).picture
    assert furthest(opened(engine, Plain, ensemble=True).translate(given).picture, expected) <= 1


@ENGINES
def test_bytes_are_the_same_alone_in_any_batch_and_beside_a_failing_neighbour(opened: Open, engine: str) -> None:
    """Also with normalization, where some engines round in another way if there are several pictures."""
    for task in (Plain, Normed):
        runner = opened(engine, task, batch=3).model.runner
        tiles = RNG.uniform(-1, 1, (5, 24, 20, 3)).astype(np.float32)
        alone = np.concatenate([runner({"source": tile[None]})[0] for tile in tiles])
        for first, last in ((0, 5), (1, 3), (2, 5)):
            assert (runner({"source": tiles[first:last]})[0] == alone[first:last]).all()
        spoilt = tiles.copy()
        spoilt[2] = np.inf
        image, _ = runner({"source": spoilt})
        assert (image[[0, 1, 3, 4]] == alone[[0, 1, 3, 4]]).all()
        assert (opened(engine, task).model.runner({"source": tiles})[0] == alone).all()


class Spoiling(Session):
    """Puts a value into a corner of the third output."""

    def __init__(self, inner: Session, value: float) -> None:
        self.inner, self.value, self.calls = inner, value, 0

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        made = {name: array.copy() for name, array in self.inner(inputs).items()}
        if self.calls == 3:
            made["output"][0, -1, -1, -1] = self.value
        return made


@ENGINES
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_never_written(opened: Open, engine: str, value: float) -> None:
    translator = opened(engine, Nearest, tile=16)
    translator.model.runner.sessions[0] = Spoiling(translator.model.runner.sessions[0], value)
    with pytest.raises(TranslateError, match="returns NaN or infinite values"):
        translator.translate(picture(20, 20))


class Full(Session):
    """Runs out of memory for tiles with a side over 40 pixels, with the error that the engine itself would raise."""

    def __init__(self, inner: Session, error: Exception) -> None:
        self.inner, self.error = inner, error

    def __call__(self, inputs: Any) -> Any:
        (source,) = inputs.values()
        if max(source.shape[1:3]) > 40:
            raise self.error
        return self.inner(inputs)


@ENGINES
@pytest.mark.parametrize("error", [OutOfMemory("no memory"), MemoryError()])
def test_running_out_of_memory_makes_tiles_smaller_and_changes_no_pixel(
    opened: Open, engine: str, error: Exception
) -> None:
    translator, given = opened(engine, Plain, tile=64), picture(90, 90, dtype=np.uint16)
    sessions = translator.model.runner.sessions
    sessions[0] = Full(sessions[0], error)
    made = translator.translate(given)
    assert made.notes["retries"] >= 1
    assert furthest(made.picture, opened(engine, Plain, tile="off").translate(given).picture) <= 1


class Raising:
    """Takes the place of a library's own session."""

    def __init__(self, message: str) -> None:
        self.message = message

    def fail(self, *given: Any, **more: Any) -> Any:
        raise RuntimeError(self.message)

    run = infer = fail


@pytest.mark.parametrize(
    ("engine", "message", "error"),
    [
        ("onnxruntime", "BFCArena: Failed to allocate memory for requested buffer", OutOfMemory),
        ("onnxruntime", "std::bad_alloc", OutOfMemory),
        ("onnxruntime", "Invalid rank", TranslateError),
        ("openvino", "std::bad_alloc", OutOfMemory),
        ("openvino", "[GPU] out of memory", OutOfMemory),
        ("openvino", "Could set new shape", TranslateError),
    ],
)
def test_a_librarys_error_is_no_memory_or_a_failure(
    opened: Open, engine: str, message: str, error: type[Exception]
) -> None:
    session: Any = opened(engine, Plain).model.runner.sessions[0]
    session._session = session._request = Raising(message)
    with pytest.raises(error, match=message[:3].replace("[", r"\[")):
        session({"image": np.zeros((1, 8, 8, 3), np.float32)})


@pytest.mark.parametrize("message", ["OOM when allocating tensor", "Incompatible shapes"])
def test_tensorflows_errors_are_no_memory_or_a_failure(opened: Open, message: str) -> None:
    import tensorflow as tf

    session: Any = opened("tensorflow", Plain).model.runner.sessions[0]

    def fail(tensors: Any) -> Any:
        kind = tf.errors.ResourceExhaustedError if "OOM" in message else tf.errors.InvalidArgumentError
        raise kind(None, None, message)

    session._program = lambda inputs: fail
    with pytest.raises(OutOfMemory if "OOM" in message else TranslateError, match=message):
        session({"source": np.zeros((1, 8, 8, 3), np.float32)})


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_several_devices_produce_the_bytes_of_one(opened: Open, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's are in test_devices, because its CPU can be split only before it is used."""
    given = picture(90, 90)
    one = opened(engine, Plain, tile=30).translate(given)
    own = BUILT_IN[engine]().devices()[0]
    twice = [own, EngineDevice("cpu", 1, own.name, own.precisions)]
    monkeypatch.setattr(BUILT_IN[engine], "devices", lambda self: twice)
    for batch in (1, 2, 5):
        translator = opened(engine, Plain, "cpu:0,1", tile=30, batch=batch)
        assert translator.model.runner.replicas == 2
        made = translator.translate(given)
        assert made.notes == one.notes
        assert (made.picture.color == one.picture.color).all()


@ENGINES
def test_small_pictures_at_once_have_the_bytes_that_each_has_alone(opened: Open, engine: str) -> None:
    translator, given = opened(engine, Strided), [picture(30 + number, 50) for number in range(16)]
    alone = [translator.translate(each).picture.color for each in given]
    with ThreadPoolExecutor(3) as pool:
        together = [made.picture.color for made in pool.map(translator.translate, given)]
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


def test_openvino_gives_a_call_beside_another_one_core(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = opened("openvino", Plain).model.runner
    session: Any = runner.sessions[0]
    used: list[str] = []
    both, infer = threading.Barrier(2), openvino_engine._inferred

    def meeting(request: Any, inputs: Any) -> Any:
        used.append("all" if request is session._request else "one")
        both.wait(20)
        return infer(request, inputs)

    monkeypatch.setattr(openvino_engine, "_inferred", meeting)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(runner, [{"source": np.zeros((1, 8, 8, 3), np.float32)}] * 2)
    assert sorted(used) == ["all", "one"]
    assert (first[0] == second[0]).all()


def test_signals_are_handled_after_openvino_ran_in_threads_that_ended(opened: Open) -> None:
    """It gives threads stacks for signals, which must outlive its models."""
    translator = opened("openvino", Plain)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(translator.translate, [picture(30, 30), picture(31, 30)]))
    translator.close()
    del translator
    gc.collect()
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]


@ENGINES
def test_conditions_and_codes(opened: Open, engine: str) -> None:
    translator, original = opened(engine, Tinted, tile=32), Translator(loaded(Tinted), device="cpu")
    code = translator.encode("style", [picture(9, 12), picture(4, 4)])
    assert code.shape == (3,)
    given = {"style": code, "tint": "blue", "hidden": np.eye(61, 74, dtype=np.int32) * 9}
    color = picture()
    assert furthest(translator.translate(color, given).picture, original.translate(color, given).picture) <= 1


@ENGINES
def test_label_maps(opened: Open, engine: str) -> None:
    label = RNG.integers(0, 3, (18, 21))
    given = {"label": label, "instance": np.where(label == 2, 7, 0), "seed": 2}
    drawing = Picture(np.zeros((18, 21, 3), np.uint8))
    expected = Translator(loaded(Painted), device="cpu").translate(drawing, given).picture
    assert furthest(opened(engine, Painted, tile=16).translate(drawing, given).picture, expected) == 0


def test_lower_precision_in_openvino_is_asked_for_and_measured(opened: Open) -> None:
    (device, *_) = BUILT_IN["openvino"]().devices()
    if "bfloat16" not in device.precisions:
        pytest.skip("this processor does not compute in bfloat16 natively")
    given = picture(60, 50)
    made = opened("openvino", Plain, precision="bfloat16").translate(given)
    assert made.notes["precision"] == "bfloat16"
    assert 0 < made.notes["precision_difference"]["max"] < 10
    assert 0 < furthest(made.picture, opened("openvino", Plain).translate(given).picture) < 10


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16", "int8"])
def test_openvino_is_always_told_the_precision_and_the_threads(precision: Any) -> None:
    cpu, gpu = (openvino_engine.configuration(EngineDevice(kind, 0, "X"), precision) for kind in ("cpu", "gpu"))  # type: ignore[arg-type]
    hints = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
    assert cpu["INFERENCE_PRECISION_HINT"] == gpu["INFERENCE_PRECISION_HINT"] == hints[precision]
    assert cpu["INFERENCE_NUM_THREADS"] == devices.cpu_threads() >= 1


def test_openvino_computes_in_float32_even_where_bfloat16_is_native(opened: Open) -> None:
    given = picture(60, 50, dtype=np.uint16)
    expected = Translator(loaded(Plain), device="cpu").translate(given).picture
    assert furthest(opened("openvino", Plain).translate(given).picture, expected) <= 2  # bfloat16: hundreds


class FakeCore:
    available_devices = ("CPU", "GPU.0", "GPU.1", "NPU")

    def get_property(self, name: str, key: str) -> Any:
        return ("FP32", "FP16", "EXPORT_IMPORT") if key == "OPTIMIZATION_CAPABILITIES" else f"Product {name}"


def test_openvinos_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "_core", FakeCore)
    found = BUILT_IN["openvino"]().devices()
    assert [(each.kind, each.number, each.name) for each in found] == [
        ("cpu", 0, "CPU"),
        ("gpu", 0, "GPU.0"),
        ("gpu", 1, "GPU.1"),
    ]
    assert {each.precisions for each in found} == {("float32", "float16")}
    assert found[1].description == "Product GPU.0"


@pytest.mark.parametrize(
    ("platform", "nvidia", "providers", "expected"),
    [
        ("linux", 0, "CUDA", []),
        ("linux", 2, "CUDA", ["CUDAExecutionProvider:0", "CUDAExecutionProvider:1"]),
        ("linux", 2, "", []),
        ("win32", 1, "CUDA Dml", ["CUDAExecutionProvider:0"]),
        ("win32", 1, "Dml", ["DmlExecutionProvider:0"]),
        ("win32", 0, "Dml", ["DmlExecutionProvider:0"]),
        ("darwin", 0, "CoreML", ["CoreMLExecutionProvider:0"]),
        ("linux", 0, "CoreML", []),
    ],
)
def test_onnx_runtimes_devices(
    platform: str, nvidia: int, providers: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    there = [*(f"{name}ExecutionProvider" for name in providers.split()), "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr(devices, "nvidia_gpus", lambda: nvidia)
    monkeypatch.setattr(sys, "platform", platform)
    cpu, *gpus = BUILT_IN["onnxruntime"]().devices()
    assert cpu == EngineDevice("cpu", 0, "CPUExecutionProvider", description=devices.cpu_name())
    assert [each.name for each in gpus] == expected
    assert [each.number for each in gpus] == [*range(len(expected))]


class FakeSession:
    """What ONNX Runtime would be asked for."""

    def __init__(self, path: str, options: Any, providers: list[Any]) -> None:
        self.options, self.providers = options, providers

    def get_providers(self) -> list[str]:
        return [each if isinstance(each, str) else each[0] for each in self.providers]

    def get_outputs(self) -> list[Any]:
        return []


@pytest.mark.parametrize(
    ("device", "provider", "own"),
    [
        ("CUDAExecutionProvider:1", "CUDAExecutionProvider", {"device_id": "1"}),
        ("DmlExecutionProvider:0", "DmlExecutionProvider", {"device_id": "0"}),
        ("CoreMLExecutionProvider:0", "CoreMLExecutionProvider", {}),
    ],
)
def test_onnx_runtime_is_asked_for_the_provider_with_the_cpu_behind_it(
    device: str, provider: str, own: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    session: Any = OnnxSession(Path("x.onnx"), device)._session
    assert session.providers == [(provider, own), "CPUExecutionProvider"]
    assert not session.options.enable_mem_pattern


def test_a_provider_that_onnx_runtime_cannot_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    monkeypatch.setattr(FakeSession, "get_providers", lambda self: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match="CUDAExecutionProvider:0: ONNX Runtime cannot use it; 'cpu' always works"):
        OnnxSession(Path("x.onnx"), "CUDAExecutionProvider:0")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_file_that_is_no_model_is_refused(engine: str, tmp_path: Path) -> None:
    made = BUILT_IN[engine]()
    (tmp_path / "x.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"x\.onnx: not an ONNX file"):
        made.open(tmp_path / "x.onnx", made.devices()[0])
    with pytest.raises(BundleError, match="runs ONNX files, and was given networks"):
        made.open(loaded(Plain), made.devices()[0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses reliably")
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_process_without_memory_gets_smaller_tiles(opened: Open, engine: str) -> None:
    model: Any = opened(engine, Plain).bundle
    code = f"""
import resource
import numpy as np
import psutil
from pathlib import Path
from img2imgkit.engine import OutOfMemory
from img2imgkit.inference import BUILT_IN
engine = BUILT_IN[{engine!r}]()
session = engine.open(Path({str(model.path)!r}), engine.devices()[0])
small = np.zeros((1, 64, 64, 3), np.float32)
before = session({{"image": small}})["output"]
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)
try:
    session({{"image": np.zeros((1, 3000, 3000, 3), np.float32)}})
except OutOfMemory:
    print("no memory")
print((session({{"image": small}})["output"] == before).all())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["no", "memory", "True"], done.stderr


@pytest.mark.slow
def test_memory_is_bounded_over_many_sizes(opened: Open) -> None:
    """By default OpenVINO keeps what it compiled for each of the last 5,000 sizes."""
    model: Any = opened("openvino", Plain).bundle
    code = f"""
import sys
import numpy as np
import psutil
from pathlib import Path
from img2imgkit.inference import BUILT_IN
from img2imgkit.inference.engines import openvino_engine
openvino_engine.SIZES = int(sys.argv[1])
engine = BUILT_IN["openvino"]()
session = engine.open(Path({str(model.path)!r}), engine.devices()[0])
for number in range(900):
    if number == 300:
        before = psutil.Process().memory_info().rss
    session({{"image": np.zeros((1, 8 + number % 31, 8 + number % 29, 3), np.float32)}})
print(psutil.Process().memory_info().rss - before)
"""
    bounded, unbounded = (
        int(subprocess.run([sys.executable, "-c", code, str(sizes)], capture_output=True, text=True, check=True).stdout)
        for sizes in (openvino_engine.SIZES, 5000)
    )
    assert bounded < unbounded / 2
    assert bounded < 32 << 20


@pytest.mark.slow
@pytest.mark.parametrize("ours", [True, False])
def test_openvino_opens_no_socket(opened: Open, ours: bool, tmp_path: Path) -> None:
    """Its package for telemetry is installed along with it, and reports each import; the test would notice."""
    model: Any = opened("openvino", Plain).bundle
    code = f"""
import sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto", "socket.gethostbyname"):
        print(event, arguments, flush=True)
        raise OSError("no network in this test")
sys.addaudithook(note)
if not {ours}:
    import openvino
import time
import numpy as np
from pathlib import Path
from img2imgkit.inference import BUILT_IN
engine = BUILT_IN["openvino"]()
session = engine.open(Path({str(model.path)!r}), engine.devices()[0])
print(session({{"image": np.zeros((1, 8, 8, 3), np.float32)}})["output"].shape)
session.close()
time.sleep(1)
print("openvino_telemetry" in sys.modules)
"""
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if ours:
        assert lines == ["(1, 16, 16, 3)", "False"]
        assert [*tmp_path.iterdir()] == []
    else:
        assert any(line.startswith("socket.") for line in lines)
