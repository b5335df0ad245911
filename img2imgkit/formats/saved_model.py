"""SavedModel folders: TensorFlow's own form, which TensorFlow Serving serves without this toolkit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Exporter, Form, Precision, Program, argument
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.tracing import traced

SERVED = "serving_default"  # the signature that TensorFlow Serving takes where a request names none


class SavedModelExporter(Exporter):
    """A SavedModel with a signature for each program, and the first one once more under TensorFlow Serving's name."""

    name = "saved-model"
    suffix = ""
    several = True
    precisions: ClassVar[tuple[Precision, ...]] = ("float32", "float16")
    mixed = True

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        write_saved_model(programs, path)
        (path / EXPORTED_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        import tensorflow as tf

        with quietly():
            loaded = tf.saved_model.load(str(path))

        def run(name: str, arrays: Arrays) -> Arrays:
            found = loaded.signatures[name](**{argument(each): tf.constant(array) for each, array in arrays.items()})
            return {each: tensor.numpy() for each, tensor in found.items()}

        return run

    def about(self, path: Path) -> str:
        return (path / EXPORTED_FILE).read_text(encoding="utf-8")


def write_saved_model(programs: Sequence[Program], path: Path) -> None:
    """Write the folder, without a description. Raises ExportError: a program cannot be written."""
    import tensorflow as tf

    graphs = [traced(as_arguments(program)) for program in programs]
    module = tf.Module()
    module.held = [variable for graph in graphs for variable in graph.graph.variables]
    signatures = {program.name: graph for program, graph in zip(programs, graphs, strict=True)}
    with quietly():
        try:
            tf.saved_model.save(module, str(path), {**signatures, SERVED: graphs[0]})
        except Exception as error:
            raise ExportError(f"TensorFlow cannot save it: {' '.join(str(error).split())[:500]}") from error


def as_arguments(program: Program) -> Program:
    """The same with inputs whose names can be arguments'."""
    inputs = tuple(replace(port, name=argument(port.name)) for port in program.inputs)

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return program.call({port.name: given[argument(port.name)] for port in program.inputs})

    return replace(program, inputs=inputs, call=call)
