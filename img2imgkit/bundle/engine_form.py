"""The engine form of a bundle: its translation as ONNX files, which engines open without TensorFlow and Keras.

A form is a folder with one file for each program: ``translate.onnx``, and ``encode_<condition>.onnx`` for each
condition whose pictures the task encodes. Pictures are NHWC float32 in [-1, 1], of any size that the bundle's contract
allows. The record of its files is in ``bundle.json``, or in ``form.json`` beside the files of a form in the user's
cache.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit.bundle.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    FormRecord,
    Manifest,
    describe,
    read_description,
)
from img2imgkit.errors import BundleError
from img2imgkit.files import read_text, sha256, write_whole

ENGINE_FOLDER = "engine"
FORM_VERSION = 1
"""Increased when the same networks would be written as another graph."""
RECORD = "form.json"
SUFFIX = ".onnx"


@dataclass(frozen=True)
class EngineForm:
    """An engine form on disk. Its files have been found with the recorded sizes, but not been read.

    Attributes:
        path: the folder
        sha256: the recorded digests of its files by name
        choices: all choices of the task, which are built into the graph
    """

    path: Path
    sha256: Mapping[str, str]
    choices: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """A hash of all its files."""
        return hashlib.sha256(json.dumps(dict(self.sha256), sort_keys=True).encode()).hexdigest()

    def opened(self, program: str) -> Path:
        """The file of a program after its content was compared with its digest, to be opened by an engine.

        Raises:
            BundleError: the form has no such program, or the file cannot be read or differs from its record.
        """
        name = f"{program}{SUFFIX}"
        if name not in self.sha256:
            raise BundleError(f"{self.path}: the engine form has no file {name}, only {', '.join(self.sha256)}")
        try:
            found = sha256(self.path / name)
        except OSError as error:
            raise BundleError(f"{self.path / name}: cannot read it: {error.strerror or error}") from None
        if found != self.sha256[name]:
            claim = "damaged: its sha256 differs from its record"
            raise BundleError(f"{self.path / name}: {claim}; download or write it again")
        return self.path / name


def engine_form(folder: Path, manifest: Manifest, choices: Mapping[str, Any] | None = None) -> EngineForm | None:
    """The engine form in a bundle's folder for these choices, found without TensorFlow and without reading its files.

    Args:
        choices: of the task; those not stated have the values that the form was written with, the task's defaults

    Returns:
        None if the bundle has no form, or its form has other choices or is from another version of the toolkit.

    Raises:
        BundleError: a file of the form is missing, is no regular file or has another size.
    """
    record = manifest.form
    if record is None or record.version != FORM_VERSION:
        return None
    if any(name not in record.choices or record.choices[name] != value for name, value in (choices or {}).items()):
        return None
    return _found(folder / ENGINE_FOLDER, record)


def form_in(folder: Path) -> EngineForm | None:
    """The complete engine form in a folder of the cache; None if there is none, or only part of one."""
    try:
        text = read_text(folder / RECORD, MAX_MANIFEST_BYTES)
        record = read_description(FormRecord, text, str(folder / RECORD), FORM_VERSION, "engine form of version")
        return _found(folder, record) if record.version == FORM_VERSION else None
    except (OSError, ValueError, BundleError):
        return None


def add_form(folder: Path, record: FormRecord) -> Manifest:
    """Record a form, whose files have been written to ``ENGINE_FOLDER``, in the bundle's ``bundle.json``.

    Raises:
        BundleError: the bundle cannot be read or written, or the record does not describe the files.
    """
    manifest = describe(folder).model_copy(update={"form": record})
    _found(folder / ENGINE_FOLDER, record)
    try:
        write_whole(folder / MANIFEST, manifest.text())
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return manifest


def remove_form(folder: Path) -> None:
    """Remove the engine form from a bundle's folder, and nothing else."""
    for path in (folder / ENGINE_FOLDER).glob(f"*{SUFFIX}"):
        path.unlink()
    with suppress(OSError):  # there is none, or it contains other files
        (folder / ENGINE_FOLDER).rmdir()


def _found(folder: Path, record: FormRecord) -> EngineForm:
    for file in record.files:
        path = folder / f"{file.program}{SUFFIX}"
        try:
            found = path.lstat()
        except OSError as error:
            raise BundleError(f"{path}: cannot read it: {error.strerror or error}") from None
        if not stat.S_ISREG(found.st_mode):
            raise BundleError(f"{path}: is not a regular file")
        if found.st_size != file.bytes:
            raise BundleError(f"{path}: has {found.st_size} bytes, but {file.bytes} are recorded: damaged")
    return EngineForm(folder, {f"{each.program}{SUFFIX}": each.sha256 for each in record.files}, record.choices)
