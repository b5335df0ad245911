"""TensorFlow Lite files, for phones and small devices; LiteRT runs them (https://ai.google.dev/edge/litert)."""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Exporter, Form, Precision, Program, argument
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.saved_model import write_saved_model


class TfliteExporter(Exporter):
    """A TensorFlow Lite model with a signature for each program, of its built-in operators alone.

    The description is an associated file, as TensorFlow Lite's metadata have them: the model is a zip archive, too.
    With float16 only weights are of this type, and computed with as what the device has.
    """

    name = "tflite"
    suffix = ".tflite"
    several = True
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16")

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            write_saved_model(programs, Path(folder) / "saved")
            path.write_bytes(_converted(Path(folder) / "saved", programs, form.precision))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(EXPORTED_FILE, json.dumps(about, indent=2) + "\n")

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        from ai_edge_litert.interpreter import Interpreter

        with quietly():
            interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())

        def run(name: str, arrays: Arrays) -> Arrays:
            runner = interpreter.get_signature_runner(name)
            found: Arrays = runner(**{argument(each): array for each, array in arrays.items()})
            return found

        return run

    def about(self, path: Path) -> str:
        with zipfile.ZipFile(path) as archive:
            return archive.read(EXPORTED_FILE).decode("utf-8")


def _converted(folder: Path, programs: Sequence[Program], precision: Precision) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), [program.name for program in programs])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    with quietly():
        try:
            data: bytes = converter.convert()
        except Exception as error:
            raise ExportError(f"TensorFlow Lite cannot hold it: {_reason(str(error))}") from error
    return data


def _reason(text: str) -> str:
    """The operators that it lacks, if it is that; else the error."""
    lacking = re.findall(r"(?:TF Select ops|Flex ops|Custom ops): ([^\n]+)", text)
    if lacking:
        return f"it has no operator for {'; '.join(dict.fromkeys(lacking))}"
    return " ".join(text.split())[:500]
