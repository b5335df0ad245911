"""TensorFlow Lite files for phones and embedded devices; LiteRT runs them (https://ai.google.dev/edge/litert)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Precision, Program, argument
from img2imgkit.formats.converting import quietly
from img2imgkit.formats.saved_model import write_saved_model


def write_tflite(programs: Sequence[Program], path: Path, precision: Precision) -> None:
    """Write a file with a signature for each program, using only TensorFlow Lite's built-in operators.

    Raises:
        ExportError: a program cannot be traced, or needs an operator that TensorFlow Lite lacks.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        write_saved_model(programs, Path(folder) / "saved")
        path.write_bytes(_converted(Path(folder) / "saved", programs, precision))


def run_written(path: Path) -> Callable[[str, Arrays], Arrays]:
    """A file just written by ``write_tflite``, as a function of a program's name and its inputs."""
    from ai_edge_litert.interpreter import Interpreter

    with quietly():
        interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())

    def run(name: str, arrays: Arrays) -> Arrays:
        runner = interpreter.get_signature_runner(name)
        found: Arrays = runner(**{argument(each): array for each, array in arrays.items()})
        return found

    return run


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
            raise ExportError(f"TensorFlow Lite cannot represent it: {_reason(str(error))}") from error
    return data


def _reason(text: str) -> str:
    """The missing operators if an error reports them; otherwise the error's text, shortened."""
    lacking = re.findall(r"(?:TF Select ops|Flex ops|Custom ops): ([^\n]+)", text)
    if lacking:
        return f"it has no operator for {'; '.join(dict.fromkeys(lacking))}"
    return " ".join(text.split())[:500]
