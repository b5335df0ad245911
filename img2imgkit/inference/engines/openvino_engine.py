"""The engine ``openvino``: ONNX files on CPUs and Intel GPUs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from img2imgkit.engine import Arrays, Engine, EngineDevice, LoadedNetworks, OutOfMemory, Precision, Session
from img2imgkit.errors import BundleError, TranslateError
from img2imgkit.formats import onnx_reader, openvino_runner
from img2imgkit.inference.engines import devices

HINTS: Mapping[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
SIZES = 64  # compiled operations kept; by default memory grows with each new size of a picture, up to 5000
_NATIVE: Mapping[str, Precision] = {"FP32": "float32", "BF16": "bfloat16", "FP16": "float16", "INT8": "int8"}
_MEMORY_WORDS = (
    "failed to allocate",
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "could not allocate",
    "-4 cl_mem",
)


class OpenVino(Engine):
    """Runs ONNX files in OpenVINO (https://docs.openvino.ai), in the precision that is asked for.

    One compiled model serves all sizes. The precision is always stated, since OpenVINO's own choice is bfloat16 on
    processors with AMX. GPUs were not run.
    """

    name = "openvino"
    form: ClassVar[Literal["networks", "onnx"]] = "onnx"
    distribution = "openvino"

    def devices(self) -> Sequence[EngineDevice]:
        core = _core()
        names = [name for name in core.available_devices if name.partition(".")[0] in ("CPU", "GPU")]
        found: list[EngineDevice] = []
        for name in sorted(names):
            kind: Literal["cpu", "gpu"] = "cpu" if name == "CPU" else "gpu"
            number = sum(each.kind == kind for each in found)
            native = core.get_property(name, "OPTIMIZATION_CAPABILITIES")
            own = tuple(precision for stated, precision in _NATIVE.items() if stated in native)
            found.append(EngineDevice(kind, number, name, own, str(core.get_property(name, "FULL_DEVICE_NAME"))))
        return found

    def open(
        self, model: LoadedNetworks | Path, device: EngineDevice, precision: Precision = "float32", batch: int = 1
    ) -> Session:
        if not isinstance(model, Path):
            raise BundleError(f"the engine {self.name!r} runs ONNX files, and was given networks")
        onnx_reader.read_graph(model)
        return OpenVinoSession(model, device, precision)


class OpenVinoSession(Session):
    """An ONNX file on one device. The arrays that it returns are its own; the caller may keep them.

    A call has all cores. One that comes while another is running has a core of its own, and so have those that follow
    until none is running: several small pictures at once leave less of the cores idle than one after the other. The
    outputs are the same bytes.
    """

    reentrant = True

    def __init__(self, path: Path, device: EngineDevice, precision: Precision) -> None:
        self._path, self._device, self._precision = path, device, precision
        self._request: Any = self._compiled(1).create_infer_request()
        self._streams: Any = None  # the model compiled for one core a call
        self._idle: list[Any] = []  # its requests
        self._running, self._lock = 0, threading.Lock()

    def __call__(self, inputs: Arrays) -> Arrays:
        with self._lock:
            alone = not self._running
            self._running += 1
        try:
            return self._all_cores(inputs) if alone else self._one_core(inputs)
        except Exception as error:
            if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
                self.close()  # a request would go on to ask for the memory that it did not get, whatever the size
                raise OutOfMemory(str(error)) from error
            shapes = ", ".join(f"{key} {each.shape}" for key, each in inputs.items())
            raise TranslateError(f"{self._path.name}: OpenVINO failed on {shapes}: {error}") from error
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        with self._lock:
            self._request = self._streams = None
            self._idle.clear()

    def _all_cores(self, inputs: Arrays) -> Arrays:
        request = self._request or self._compiled(1).create_infer_request()
        made = _inferred(request, inputs)
        self._request = request
        return made

    def _one_core(self, inputs: Arrays) -> Arrays:
        with self._lock:
            self._streams = self._streams or self._compiled(devices.cpu_threads())
            request = self._idle.pop() if self._idle else self._streams.create_infer_request()
        made = _inferred(request, inputs)
        with self._lock:
            self._idle.append(request)
        return made

    def _compiled(self, streams: int) -> Any:
        """The model, compiled for the device."""
        try:
            core = _core()
            model = core.read_model(str(self._path))
            return core.compile_model(model, self._device.name, configuration(self._device, self._precision, streams))
        except Exception as error:  # the library's errors have no common base but this
            raise BundleError(f"{self._path}: OpenVINO cannot open it: {error}") from None


def _inferred(request: Any, inputs: Arrays) -> Arrays:
    made = request.infer(dict(inputs), share_inputs=True, share_outputs=True)
    return {port.get_any_name(): np.array(array) for port, array in made.items()}


def configuration(device: EngineDevice, precision: Precision, streams: int = 1) -> dict[str, Any]:
    """The properties of a compiled model, the precision always among them.

    Args:
        streams: calls at the same time, which share the cores
    """
    hint = "LATENCY" if streams == 1 else "THROUGHPUT"
    stated: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": hint}
    if device.kind == "cpu":
        stated |= {"INFERENCE_NUM_THREADS": devices.cpu_threads(), "NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
        stated |= {"CPU_RUNTIME_CACHE_CAPACITY": SIZES}
    return stated


def _core() -> Any:
    return openvino_runner.core()
