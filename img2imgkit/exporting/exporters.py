"""The built-in export formats; plugins can add others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from img2imgkit.bundle import EXPORTED_FILE, EXPORTED_KEY
from img2imgkit.errors import ExportError
from img2imgkit.exchange import NETWORK, Arrays, Exporter, Form, Precision, Program
from img2imgkit.exporting.export_options import KINDS
from img2imgkit.formats import keras_file, saved_model, tflite_file
from img2imgkit.formats.archive import add_text, text_in
from img2imgkit.formats.onnx_precision import halved, quantised_with_loss
from img2imgkit.formats.onnx_writer import check, onnx_model, opened, runner

if TYPE_CHECKING:
    import onnx

OPSETS = range(13, 24)  # the versions that the converters write correctly


class OnnxExporter(Exporter):
    """ONNX files (https://onnx.ai), one per program, for ONNX Runtime on any device and in browsers.

    Each file is validated with ``onnx.checker``. Its metadata describe the inputs and outputs.
    """

    name = "onnx"
    suffix = ".onnx"
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16", "int8")

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        import onnx

        (program,) = programs
        if form.opset not in OPSETS:
            raise ExportError(f"opset {form.opset} is not supported: choose {OPSETS[0]} to {OPSETS[-1]}")
        model = onnx_model(program, form.opset)
        if form.precision == "float16":
            model = halved(model)
        if form.precision == "int8":
            model, lost = quantised_with_loss(model, form.samples[program.name], program.name)
            about = {**about, "int8": lost}
        check(model, program.name)
        _describe(model, about)
        onnx.save(model, path)

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        run = runner(path)
        return lambda _, arrays: run(arrays)

    def about(self, path: Path) -> str:
        found: Mapping[str, str] = opened(path).get_modelmeta().custom_metadata_map
        return found[EXPORTED_KEY]


class SavedModelExporter(Exporter):
    """A SavedModel with a signature for each program; the first one is also TensorFlow Serving's default signature."""

    name = "saved-model"
    suffix = ""
    several = True
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16")
    mixed = True

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        saved_model.write_saved_model(programs, path)
        (path / EXPORTED_FILE).write_text(_text(about), encoding="utf-8")

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        return saved_model.run_written(path)

    def about(self, path: Path) -> str:
        return (path / EXPORTED_FILE).read_text(encoding="utf-8")


class TfliteExporter(Exporter):
    """A TensorFlow Lite model with a signature for each program, using only built-in operators.

    The description is an associated file as in TensorFlow Lite's metadata: the model file is also a zip archive.
    With float16 only the weights are stored in this type; the device decides in which type it computes.
    """

    name = "tflite"
    suffix = ".tflite"
    several = True
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16")

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        tflite_file.write_tflite(programs, path, form.precision)
        add_text(path, EXPORTED_FILE, _text(about))

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        return tflite_file.run_written(path)

    def about(self, path: Path) -> str:
        return text_in(path, EXPORTED_FILE)


class KerasExporter(Exporter):
    """A ``.keras`` file for each network; ``keras.saving.load_model`` reads it once img2imgkit.nn is imported.

    The description is an additional member of the archive, which Keras ignores.
    """

    name = "keras"
    suffix = ".keras"

    def supported(self, programs: Sequence[Program]) -> Sequence[Program]:
        return [program for program in programs if program.model is not None]

    def defaults(self, programs: Sequence[Program]) -> Sequence[Program]:
        return programs

    def file_name(self, program: Program) -> str:
        return f"{program.name.removeprefix(NETWORK)}{self.suffix}"

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        (program,) = programs
        assert program.model is not None, "``supported`` selects programs with a model"
        keras_file.write_network(program.model, path, program.name)
        add_text(path, EXPORTED_FILE, _text(about))

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        import keras

        model = keras_file.load_written(path)
        (program,) = json.loads(self.about(path))["programs"]
        reads, gives = ([port["name"] for port in program[ports]] for ports in ("inputs", "outputs"))

        def run(_: str, arrays: Arrays) -> Arrays:
            given = [arrays[name] for name in reads]
            found = keras.tree.flatten(model(given if len(given) > 1 else given[0], training=False))
            return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in zip(gives, found, strict=True)}

        return run

    def about(self, path: Path) -> str:
        return text_in(path, EXPORTED_FILE)


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, indent=2) + "\n"


def _describe(model: onnx.ModelProto, about: Mapping[str, Any]) -> None:
    """Store the description in the metadata: complete under our key, and the main facts under plain keys."""
    import onnx

    onnx.helper.set_model_props(model, {EXPORTED_KEY: json.dumps(about), **_plain(about)})
    model.producer_name, model.doc_string = "img2imgkit", about["manifest"]["description"]


def _plain(about: Mapping[str, Any]) -> dict[str, str]:
    """The main facts about the first program as strings, for users without img2imgkit."""
    manifest, program = about["manifest"], about["programs"][0]
    contract = manifest["contract"]
    ids = contract["ids"] is not None and program["name"] == "translate"
    return {
        "name": manifest["name"],
        "task": manifest["task"],
        "program": program["name"],
        "description": manifest["description"],
        "licence": manifest["licence"],
        "attribution": "\n".join(manifest["attribution"]),
        "scale": str(program["scale"] or ""),
        "value_range": {"signed": "[-1, 1]", "unit": "[0, 1]", "uint8": "[0, 255]"}[about["image_io"]],
        "channel_order": "ids" if ids else KINDS[contract["channels"]],
        "layout": about["layout"].upper(),
        "size_multiple": str(program["multiple"]),
        "size_minimum": str(program["minimum"]),
        "inputs": "\n".join(f"{port['name']}: {port['meaning']}" for port in program["inputs"]),
        "outputs": "\n".join(f"{port['name']}: {port['meaning']}" for port in program["outputs"]),
    }
