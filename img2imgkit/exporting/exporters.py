"""ONNX files: one program each, for ONNX Runtime on any device and in browsers (https://onnx.ai)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from img2imgkit.bundle import EXPORTED_KEY
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Exporter, Form, Precision, Program
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.onnx_float16 import halved
from img2imgkit.formats.onnx_int8 import loss, quantised
from img2imgkit.formats.onnx_writer import check, describe, onnx_model

if TYPE_CHECKING:
    import onnx
    import onnxruntime

OPSETS = range(13, 19)  # what the converter writes right


class OnnxExporter(Exporter):
    """An ONNX model; ``onnx.checker`` has proved it valid. Its metadata say what goes in and comes out."""

    name = "onnx"
    suffix = ".onnx"
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16", "int8")

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        import onnx

        (program,) = programs
        if form.opset not in OPSETS:
            raise ExportError(f"opset {form.opset}: {OPSETS[0]} to {OPSETS[-1]} can be written")
        model = onnx_model(program, form.opset)
        if form.precision == "float16":
            model = halved(model)
        if form.precision == "int8":
            model, lost = _in_8_bits(model, program, form.samples[program.name])
            about = {**about, "int8": lost}
        check(model, program.name)
        describe(model, about)
        onnx.save(model, path)

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        run = _runner(opened(path))
        return lambda _, arrays: run(arrays)

    def about(self, path: Path) -> str:
        found: Mapping[str, str] = opened(path).get_modelmeta().custom_metadata_map
        return found[EXPORTED_KEY]


def _in_8_bits(
    model: onnx.ModelProto, program: Program, samples: Sequence[Arrays]
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """The quantised model and what that costs; pictures that do not set its ranges measure it, if there are several."""
    fitted, measured = samples[::2], samples[1::2] or samples
    made = quantised(model, fitted, program.name)
    before, after = (_runner(opened(each.SerializeToString())) for each in (model, made))
    return made, {"pictures": len(measured), "psnr": round(loss(after, before, measured), 2)}


def _runner(session: onnxruntime.InferenceSession) -> Callable[[Arrays], Arrays]:
    names = [each.name for each in session.get_outputs()]
    return lambda arrays: dict(zip(names, session.run(names, dict(arrays)), strict=True))


def opened(model: Path | bytes) -> onnxruntime.InferenceSession:
    """A session on the CPU. Raises ExportError: ONNX Runtime does not take the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait leave cores to others
    with quietly():
        try:
            given = model if isinstance(model, bytes) else str(model)
            return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError(f"ONNX Runtime does not run what was written: {str(error).strip()}") from error
