"""The engine form of a bundle: its programs as ONNX files in the folder ``engine``, for engines without TensorFlow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2imgkit.bundle.manifest import Manifest
from img2imgkit.errors import BundleError
from img2imgkit.files import open_regular

ENGINE_FOLDER = "engine"


@dataclass(frozen=True)
class EngineForm:
    """An engine form on disk.

    Attributes:
        path: the folder
        sha256: the digests of its files by name
        choices: the task's choices that are built into it
    """

    path: Path
    sha256: Mapping[str, str]
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of all its files."""
        return hashlib.sha256(json.dumps(dict(self.sha256), sort_keys=True).encode()).hexdigest()


def engine_form(folder: Path, manifest: Manifest, choices: Mapping[str, Any]) -> EngineForm | None:
    """The engine form of a bundle for these choices; None if there is none.

    Raises:
        BundleError: a file cannot be read.
    """
    path = folder / ENGINE_FOLDER
    if choices or not (path / "translate.onnx").is_file():
        return None
    return EngineForm(path, {each.name: _sha256(each) for each in sorted(path.glob("*.onnx"))})


def _sha256(path: Path) -> str:
    try:
        with open_regular(path) as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: cannot read it: {error.strerror or error}") from None
