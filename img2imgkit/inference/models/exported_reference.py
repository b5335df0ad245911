"""References to exported models and third-party ONNX files, from their own description or the user's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import lcm
from pathlib import Path
from typing import Any

from img2imgkit import bundle
from img2imgkit.bundle import EngineForm, Exported, Manifest, ProgramDescription
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, ConfigError, NotInstalled, Problem
from img2imgkit.files import open_regular, read_text
from img2imgkit.formats import onnx_reader, saved_model
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.engines.runner import BLIND as EVERYWHERE
from img2imgkit.inference.engines.selection import ModelFacts
from img2imgkit.inference.exported.describe import BLIND, Describe, Described, described_manifest, keeps_grey
from img2imgkit.inference.exported.exported_model import (
    TRANSLATE,
    ExportedModel,
    FileFormat,
    program_error,
    prove_choices,
)
from img2imgkit.inference.exported.onnx_description import described
from img2imgkit.inference.exported.onnx_file import FOREIGN, OnnxFile, encoders_beside
from img2imgkit.inference.exported.saved_model_folder import SavedModelFolder
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.inference.models.model_reference import ModelReference

IMAGE, LABEL, OUTPUT = "image", "label", "output"


@dataclass(frozen=True)
class ForeignReference(ModelReference):
    """A third-party ONNX file.

    Attributes:
        files: all files that its output depends on
        model: the model for a Translator
    """

    path: Path
    manifest: Manifest
    files: Sequence[Path]
    digest: str
    model: ExportedModel
    catalog: Catalog = field(repr=False, compare=False)

    @property
    def scale(self) -> int:
        return self.model.interface.geometry.scale

    def prove(self, options: TranslateOptions) -> None:
        self.model.prove(options)

    @property
    def picture_alone(self) -> bool:
        return True

    def task(self, choices: Mapping[str, Any]) -> Translates:
        task = self._task()
        prove_choices(self.path, task, self.model.choices, choices)
        return task

    @property
    def facts(self) -> ModelFacts:
        return self.model.facts

    def load(self, form: EngineForm | None = None) -> ExportedModel:
        if digest(self.files) != self.digest:
            raise BundleError(f"{self.path}: has changed since the run was planned: run again")
        return replace(self.model, task=self._task())

    def _task(self) -> Translates:
        return self.model.task


@dataclass(frozen=True)
class ExportedReference(ForeignReference):
    """A model exported by img2imgkit.

    For a model whose only input is a picture and which has no choices, its description contains everything that a
    Translator needs, so neither the task's plugin nor TensorFlow is imported. Others use the task of their bundle.
    """

    @property
    def picture_alone(self) -> bool:
        interface = self.model.interface
        return interface.geometry.ids is None and not interface.conditions

    def _task(self) -> Translates:
        if self.picture_alone and not self.model.choices:
            return self.model.task
        try:
            task = bundle.task_from(self.manifest, str(self.path), self.catalog, self.model.choices)
        except NotInstalled:
            if not self.picture_alone:
                raise
            return self.model.task
        own, model = task.geometry(), self.model.interface.geometry
        if (own.scale, own.channels, own.written) != (model.scale, model.channels, model.written):
            raise BundleError(f"{self.path}: is described as {model}, but the installed task {task.name!r} has {own}")
        return task


def onnx_reference(path: Path, describe: Describe | None, catalog: Catalog) -> ModelReference:
    """An ONNX file; see ``find_model``."""
    if path.suffix.lower() != ".onnx":
        raise BundleError(f"{path}: a file; expected the folder of a bundle or a SavedModel, or an .onnx file", path)
    model = onnx_reader.read_graph(path)
    files = onnx_reader.files_of(path, model)
    text = onnx_reader.metadata_of(model).get(bundle.EXPORTED_KEY)
    if text is None:
        return _foreign(path, model, files, describe, catalog)
    if describe is not None:
        raise ConfigError(
            Problem(f"{path.name} was exported by img2imgkit and describes itself: leave this out", "describe")
        )
    return _own(path, model, files, text, catalog)


def exported_reference(path: Path, catalog: Catalog) -> ExportedReference:
    """An ONNX file that img2imgkit has exported.

    Raises:
        BundleError: it is damaged, or has no description.
    """
    model = onnx_reader.read_graph(path)
    text = onnx_reader.metadata_of(model).get(bundle.EXPORTED_KEY)
    if text is None:
        raise BundleError(f"{path}: was not exported by img2imgkit")
    return _own(path, model, onnx_reader.files_of(path, model), text, catalog)


def _own(path: Path, model: Any, files: list[Path], text: str, catalog: Catalog) -> ExportedReference:
    description = bundle.read_exported(text, str(path))
    names = [value.name for value in onnx_reader.inputs_of(model)]
    program = _program(path, description)
    if set(names) != {port.name for port in program.inputs}:
        raise BundleError(f"{path}: its inputs {', '.join(names)} do not match its description")
    files += encoders_beside(path, description.manifest)
    return _exported(path, description, program, files, OnnxFile(), catalog)


def saved_model_reference(path: Path, catalog: Catalog) -> ModelReference:
    """The folder of a SavedModel; see ``find_model``."""
    files = saved_model.files_of(path)
    about = path / bundle.EXPORTED_FILE
    if about not in files:
        raise BundleError(
            f"{path}: a third-party SavedModel (it has no {bundle.EXPORTED_FILE}), which can run any code: refused; "
            "convert it to ONNX with 'python -m tf2onnx.convert', and describe that file"
        )
    try:
        description = bundle.read_exported(read_text(about, bundle.MAX_MANIFEST_BYTES), str(about))
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{about}: cannot read it: {error}") from None
    return _exported(path, description, _program(path, description), files, SavedModelFolder(), catalog)


def _foreign(
    path: Path, model: Any, files: Sequence[Path], describe: Describe | None, catalog: Catalog
) -> ModelReference:
    if describe is None:
        raise ConfigError(
            Problem(
                f"{path.name} was not exported by img2imgkit: describe it, such as {{scale: 4, values: unit}}; what "
                "its graph states may be left out, and 'img2img inspect FILE' proposes a description",
                "describe",
            )
        )
    interface, taken = described(path, model, describe)
    sha256 = digest(files)
    manifest = described_manifest(path, model, interface, sha256)
    task = Described(interface.geometry, keeps_grey(interface))
    blind = BLIND if describe.radius is None else EVERYWHERE
    notes: dict[str, Any] = {"taken": taken} if taken else {}
    if interface.fit is not None:
        notes["resized"] = "x".join(map(str, interface.fit.reads))
    found = ExportedModel(path, manifest, task, interface, OnnxFile(FOREIGN), {}, notes, blind)
    return ForeignReference(path, manifest, files, sha256, found, catalog)


def _exported(
    path: Path,
    description: Exported,
    program: ProgramDescription,
    files: Sequence[Path],
    file_format: FileFormat,
    catalog: Catalog,
) -> ExportedReference:
    interface = _sized(_interface(path, description, program), program)
    manifest = description.manifest
    task = Described(interface.geometry, description.keeps_grey, manifest.task, manifest.contract.data)
    notes: dict[str, Any] = {"precision": description.precision} if description.precision != "float32" else {}
    if description.int8 is not None:
        notes["precision_loss"] = description.int8.model_dump(mode="json")
    model = ExportedModel(path, manifest, task, interface, file_format, description.choices, notes)
    return ExportedReference(path, manifest, files, digest(files), model, catalog)


def _interface(path: Path, description: Exported, program: ProgramDescription) -> Interface:
    inputs = {port.name: port for port in program.inputs}
    contract = description.manifest.contract.geometry()
    image = LABEL if contract.ids else IMAGE
    if image not in inputs or [port.name for port in program.outputs] != [OUTPUT] or program.scale is None:
        raise BundleError(f"{path}: its program {TRANSLATE!r} must read {image!r} and write {OUTPUT!r}")
    axis = 1 if description.layout == "nchw" else 3
    read, written = (port.shape[axis] if len(port.shape) == 4 else None for port in (inputs[image], program.outputs[0]))
    if written not in (1, 3, 4) or (not contract.ids and read not in (1, 3, 4)):
        raise BundleError(
            f"{path}: its program {TRANSLATE!r} maps {inputs[image].shape} to {program.outputs[0].shape}, not 1, 3 or "
            "4 channels to 1, 3 or 4"
        )
    geometry = replace(contract, output_channels=written)
    return Interface(
        geometry if contract.ids else replace(geometry, channels=read or 3),
        image,
        OUTPUT,
        "levels" if description.image_io == "uint8" else description.image_io,
        description.layout,
        "grey" if not contract.ids and read == 1 else "rgb",
        "uint8" if description.image_io == "uint8" else "float32",
        {port.name: port.dtype for port in program.inputs if port.name != image},
        description.size,
        inputs[image].shape[0],
    )


def _sized(interface: Interface, program: ProgramDescription) -> Interface:
    """The interface with the program's scale, and its size constraints unless the size is fixed."""
    own = interface.geometry
    assert program.scale is not None
    geometry = replace(own, scale=program.scale)
    if interface.size is None:
        geometry = replace(
            geometry, multiple=lcm(own.multiple, program.multiple), minimum=max(own.minimum, program.minimum)
        )
    return replace(interface, geometry=geometry)


def _program(path: Path, description: Exported) -> ProgramDescription:
    programs = {program.name: program for program in description.programs}
    if TRANSLATE not in programs:
        raise program_error(path, TRANSLATE, tuple(programs))
    return programs[TRANSLATE]


def digest(files: Sequence[Path]) -> str:
    """SHA-256 of the files' contents in order, and of all names but the first.

    Raises:
        BundleError: a file cannot be read.
    """
    found = hashlib.sha256()
    try:
        for number, path in enumerate(files):
            about = path.stat()
            name = path.name if number else ""
            found.update(f"{name} {_sha256(path, about.st_size, about.st_mtime_ns)}\n".encode())
    except OSError as error:
        raise BundleError(f"{error.filename}: cannot read it: {error.strerror or error}") from None
    return found.hexdigest()


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
