"""TensorFlow Lite files for phones and embedded devices; LiteRT runs them (https://ai.google.dev/edge/litert)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Precision, Program, argument
from img2imgkit.formats.converting import quietly
from img2imgkit.formats.saved_model import write_saved_model

_KEY = 8  # offset of the field signature_key in the vtable of a SignatureDef, by TensorFlow Lite's schema


def write_tflite(programs: Sequence[Program], path: Path, precision: Precision) -> None:
    """Write a file with a signature for each program, using only TensorFlow Lite's built-in operators.

    The first program is the first subgraph, which is all that much code on phones looks at.

    Raises:
        ExportError: a program cannot be traced, or needs an operator that TensorFlow Lite lacks.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        numbered = [replace(each, name=_numbered(number, each.name)) for number, each in enumerate(programs)]
        write_saved_model(numbered, Path(folder) / "saved")
        data = bytearray(_converted(Path(folder) / "saved", numbered, precision))
        rename_signatures(data, {each.name: own.name for each, own in zip(numbered, programs, strict=True)})
        path.write_bytes(data)


def rename_signatures(data: bytearray, names: Mapping[str, str]) -> None:
    """Give the signatures of a file other names in place; none may be longer than before.

    A FlatBuffer refers to a string by its place, where its length precedes it, so a shorter one fits there.

    Raises:
        ExportError: a name is missing.
    """
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(data, 0)
    found = set()
    for number in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(number)
        before = signature.SignatureKey().decode()
        if before not in names:
            continue
        table = signature._tab
        place = table.Indirect(table.Offset(_KEY) + table.Pos)
        after = names[before].encode()
        data[place : place + 4] = len(after).to_bytes(4, "little")
        data[place + 4 : place + 4 + len(before)] = after.ljust(len(before), b"\0")
        found.add(before)
    if lacking := sorted(names.keys() - found):
        raise ExportError(f"TensorFlow Lite's converter left out {names[lacking[0]]}")


def _numbered(number: int, name: str) -> str:
    """A name that sorts in the order of programs, as the converter does."""
    return f"{number:04}_{name}"


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
