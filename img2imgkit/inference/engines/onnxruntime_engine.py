"""The engine ``onnxruntime``: ONNX files on the CPU, or with the provider of the installed variant on GPUs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal

from img2imgkit.engine import Arrays, Engine, EngineDevice, LoadedNetworks, OutOfMemory, Precision, Session
from img2imgkit.errors import BundleError, ConfigError, TranslateError
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines import devices

CPU, CUDA, DIRECTML, COREML = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Dml", "CoreML"))
GPU_PROVIDERS = (CUDA, DIRECTML, COREML)  # the first one that is installed and has a device is used
_VARIANTS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
_MEMORY_WORDS = ("failed to allocate", "bad_alloc", "bad allocation", "out of memory", "alloc_failed", "maximum of")
_SILENT = 4  # log severity; errors are raised anyway


class OnnxRuntime(Engine):
    """Runs ONNX files in ONNX Runtime, in the precision that the file states (https://onnxruntime.ai).

    Of the providers for GPUs it uses CUDA, DirectML or CoreML, whichever the installed variant has; they were not run.
    """

    name = "onnxruntime"
    form: ClassVar[Literal["networks", "onnx"]] = "onnx"
    distribution = "onnxruntime"

    def version(self) -> str | None:
        for name in _VARIANTS:
            try:
                return metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return None

    def devices(self) -> Sequence[EngineDevice]:
        cpu = EngineDevice("cpu", 0, CPU, description=devices.cpu_name())
        counts = {CUDA: devices.nvidia_gpus(), DIRECTML: int(sys.platform == "win32"), COREML: _apple()}
        if not any(counts.values()):
            return [cpu]
        import onnxruntime

        there = onnxruntime.get_available_providers()
        provider = next((each for each in GPU_PROVIDERS if each in there and counts[each]), None)
        count = counts[provider] if provider else 0
        return [cpu, *(EngineDevice("gpu", number, f"{provider}:{number}") for number in range(count))]

    def open(
        self, model: LoadedNetworks | Path, device: EngineDevice, precision: Precision = "float32", batch: int = 1
    ) -> Session:
        if not isinstance(model, Path):
            raise BundleError(f"the engine {self.name!r} runs ONNX files, and was given networks")
        onnx_reader.read_graph(model)
        return OnnxSession(model, device.name)


class OnnxSession(Session):
    """An ONNX file with one provider."""

    def __init__(self, path: Path, device: str) -> None:
        import onnxruntime

        provider, _, number = device.partition(":")
        self._path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        options.intra_op_num_threads = devices.cpu_threads()
        options.enable_mem_pattern = False  # one block for all activations is larger than reusing each, and not faster
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # frees cores for codecs
        if provider == DIRECTML:  # it supports neither patterns nor parallel operators
            options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        own = {"device_id": number} if number and provider != COREML else {}
        providers: list[Any] = [(provider, own), CPU] if provider != CPU else [CPU]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # the library's errors have no common base but this
            raise BundleError(f"{path}: ONNX Runtime cannot open it: {error}") from None
        if provider not in self._session.get_providers():
            raise ConfigError(f"device {device}: ONNX Runtime cannot use it; 'cpu' always works")
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, inputs: Arrays) -> Arrays:
        try:
            return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))
        except Exception as error:
            if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
                raise OutOfMemory(str(error)) from error
            shapes = ", ".join(f"{key} {each.shape}" for key, each in inputs.items())
            raise TranslateError(f"{self._path.name}: ONNX Runtime failed on {shapes}: {error}") from error


def _apple() -> int:
    return int(sys.platform == "darwin")
