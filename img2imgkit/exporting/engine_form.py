"""Write the engine form of a bundle, proved equal to its networks, into its folder or the user's cache."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from img2imgkit.bundle import ENGINE_FOLDER, FORM_VERSION, Bundle, FormFile, FormRecord, add_form
from img2imgkit.errors import BundleError, ExportError
from img2imgkit.exchange import Arrays, Form, Program
from img2imgkit.exporting.bundle_export import described_export
from img2imgkit.exporting.export_options import ExportOptions
from img2imgkit.exporting.exporters import OnnxExporter
from img2imgkit.exporting.programs import engine_programs
from img2imgkit.exporting.proof import Run, prove
from img2imgkit.files import sha256
from img2imgkit.formats.openvino_runner import openvino_runner


def write_engine_form(bundle: Bundle, folder: Path) -> FormRecord:
    """Write the programs "translate" and "encode_<condition>" to a folder, which is created, and prove them.

    Each file is compared with the networks at several sizes in ONNX Runtime, and in OpenVINO if it is installed, both
    in float32. The choices of the bundle's task are built in.

    Raises:
        ExportError: a program cannot be converted, or its outputs differ. The folder may then contain files.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [_written(bundle, program, folder) for program in engine_programs(bundle)]
    return FormRecord(version=FORM_VERSION, choices=_choices(bundle), files=tuple(files))


def add_engine_form(bundle: Bundle) -> str:
    """Write the engine form into a bundle's own folder and record it in ``bundle.json``.

    Returns:
        "", or in words why the bundle has no form: it can then be run by TensorFlow only, until a form is cached
    """
    folder = bundle.folder / ENGINE_FOLDER
    try:
        record = write_engine_form(bundle, folder)
        add_form(bundle.folder, record)
    except (ExportError, BundleError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        return f"no engine form, so that only TensorFlow runs it: {error}"
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return f"no engine form, so that only TensorFlow runs it: {folder}: {error.strerror or error}"
    return ""


def _written(bundle: Bundle, program: Program, folder: Path) -> FormFile:
    exporter = OnnxExporter()
    path = folder / exporter.file_name(program)
    path.unlink(missing_ok=True)  # a link of that name must not be written to
    about = described_export(bundle, [program], ExportOptions(choices=_choices(bundle)))
    exporter.write([program], path, about.model_dump(mode="json"), Form())
    prove(program, "float32", *_runs(exporter.open(path), path))
    return FormFile(program=program.name, sha256=sha256(path), bytes=path.stat().st_size)


def _choices(bundle: Bundle) -> dict[str, Any]:
    """All choices of the bundle's task, as JSON."""
    return bundle.task.choices.model_dump(mode="json")


def _runs(in_onnx_runtime: Run, path: Path) -> Sequence[Run]:
    """The written file in all software at hand that will run it."""
    if not find_spec("openvino"):
        return [in_onnx_runtime]
    run = openvino_runner(path)

    def in_openvino(_: str, arrays: Arrays) -> Arrays:
        return run(arrays)

    return [in_onnx_runtime, in_openvino]
