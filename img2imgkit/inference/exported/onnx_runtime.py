"""Run ONNX files in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from img2imgkit import backend
from img2imgkit.bundle import EXPORTED_KEY, Manifest, read_exported
from img2imgkit.errors import BundleError, ConfigError, TranslateError
from img2imgkit.exchange import ENCODER
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines.devices import FALLBACK_BYTES, PROBE, WORKSPACE
from img2imgkit.inference.engines.engine import Arrays, OutOfMemory
from img2imgkit.inference.exported.exported_model import Run, Runtime
from img2imgkit.inference.exported.interface import Interface
from img2imgkit.inference.tiles.grid import padded

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_MEMORY_WORDS = ("failed to allocate", "bad_alloc", "bad allocation", "out of memory", "alloc_failed", "maximum of")
_SILENT = 4  # log severity; errors are raised anyway


class OnnxRuntime(Runtime):
    """Runs on the CPU, or with CUDA if the installed ONNX Runtime supports it."""

    def devices(self, device: str) -> tuple[str, ...]:
        import onnxruntime

        match = backend.DEVICE.fullmatch(device)
        if match is None:
            raise ConfigError(f"device {device!r}: expected auto, cpu, gpu, or gpu with numbers such as gpu:0,1")
        has_cuda = CUDA in onnxruntime.get_available_providers()
        if device == "auto":
            return (f"{CUDA}:0",) if has_cuda and _has_gpu() else (CPU,)
        numbers = tuple(dict.fromkeys(map(int, (match[2] or "0").split(","))))
        if match[1] == "cpu":
            if numbers != (0,):
                raise ConfigError(f"device {device!r}: ONNX Runtime sees 1 CPU device here, cpu:0")
            return (CPU,)
        if not has_cuda:
            raise ConfigError(
                f"device {device!r}: the installed ONNX Runtime has no CUDA support: install onnxruntime-gpu instead "
                "of onnxruntime; 'cpu' always works"
            )
        return tuple(f"{CUDA}:{number}" for number in numbers)

    def open(self, path: Path, name: str) -> Run:
        onnx_reader.read_graph(path)
        return partial(_run, path.name, _session(path, name))

    def encoder(self, path: Path, condition: str, name: str) -> Run:
        text = onnx_reader.metadata_of(onnx_reader.read_graph(path))[EXPORTED_KEY]
        encoder = path.with_name(f"{ENCODER}{condition}.onnx")
        if not encoder.is_file() or not _is_of(encoder, read_exported(text, str(path)).manifest):
            raise BundleError(
                f"{path}: pictures for {condition!r} need {encoder.name} of the same bundle in its folder: export with "
                f"program 'all', or provide a code file, written by 'img2img encode BUNDLE {condition} ...'"
            )
        return self.open(encoder, name)

    def bytes_per_pixel(self, path: Path, interface: Interface) -> float:
        model = onnx_reader.read_graph(path)
        height, width = interface.size or (padded(PROBE, interface.geometry),) * 2
        sizes = {}
        for value in onnx_reader.inputs_of(model):
            shape = [length or 1 for length in onnx_reader.shape_of(value) or ()]
            if len(shape) == 4:
                first = 2 if value.name == interface.image and interface.layout == "nchw" else 1
                shape[first : first + 2] = height, width
            sizes[value.name] = shape
        known = onnx_reader.inferred(path, model, sizes)
        batch = interface.batch or 1
        return WORKSPACE * onnx_reader.peak_bytes(model, known) / (height * width * batch)

    def free_bytes(self, names: Sequence[str]) -> int | None:
        return None if CPU in names else FALLBACK_BYTES  # it does not report a GPU's memory


def encoders_beside(path: Path, manifest: Manifest) -> list[Path]:
    """The encoders in a model's folder that were exported from the same bundle; other and damaged files are ignored."""
    found = []
    for each in sorted(path.parent.glob(f"{ENCODER}*.onnx")):
        with suppress(BundleError):
            if each != path and each.is_file() and _is_of(each, manifest):
                found.append(each)
    return found


def _is_of(path: Path, manifest: Manifest) -> bool:
    """Whether a model was exported from that bundle. Raises BundleError: the model is refused."""
    text = onnx_reader.metadata_of(onnx_reader.read_graph(path)).get(EXPORTED_KEY)
    return bool(text) and read_exported(text or "", str(path)).manifest.digest == manifest.digest


def _session(path: Path, name: str) -> Any:
    import onnxruntime

    provider, _, number = name.partition(":")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # frees cores for decoding and encoding
    options.enable_mem_pattern = False  # one block for all activations is larger than reusing each, and not faster
    providers: list[Any] = [(provider, {"device_id": number}), CPU] if number else [provider]
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # the library's errors have no common base but this
        raise BundleError(f"{path}: ONNX Runtime cannot open it: {error}") from None
    if provider not in session.get_providers():
        raise ConfigError(f"device {name}: ONNX Runtime cannot use it; 'cpu' always works")
    return session


def _run(name: str, session: Any, inputs: Arrays) -> Arrays:
    names = [output.name for output in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    except Exception as error:
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
            raise OutOfMemory(str(error)) from error
        shapes = ", ".join(f"{key} {each.shape}" for key, each in inputs.items())
        raise TranslateError(f"{name}: ONNX Runtime failed on {shapes}: {error}") from error


def _has_gpu() -> bool:
    """Whether a driver for NVIDIA GPUs is present; ONNX Runtime has no function for this."""
    return any(Path(place).exists() for place in ("/dev/nvidia0", "/dev/dxg", "C:/Windows/System32/nvcuda.dll"))
