"""Keras files: the networks as they are, for Python with Keras and this toolkit's layers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.errors import ExportError
from img2imgkit.exchange import NETWORK, Arrays, Exporter, Form, Program
from img2imgkit.exporting.converter_output import quietly


class KerasExporter(Exporter):
    """A ``.keras`` file for each network; ``keras.saving.load_model`` reads it once img2imgkit.nn is imported.

    The description is one more member of the archive, which Keras passes over.
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
        assert program.model is not None, "only networks are taken"
        with quietly():
            try:
                program.model.save(path)
            except Exception as error:
                raise ExportError(f"Keras cannot save {program.name}: {' '.join(str(error).split())[:500]}") from error
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(EXPORTED_FILE, json.dumps(about, indent=2) + "\n")

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        import keras

        with quietly():
            model = keras.saving.load_model(path, compile=False)
        (program,) = json.loads(self.about(path))["programs"]
        reads, gives = ([port["name"] for port in program[ports]] for ports in ("inputs", "outputs"))

        def run(_: str, arrays: Arrays) -> Arrays:
            given = [arrays[name] for name in reads]
            found = keras.tree.flatten(model(given if len(given) > 1 else given[0], training=False))
            return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in zip(gives, found, strict=True)}

        return run

    def about(self, path: Path) -> str:
        with zipfile.ZipFile(path) as archive:
            return archive.read(EXPORTED_FILE).decode("utf-8")
