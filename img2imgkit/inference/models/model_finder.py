"""Resolve a name or path to a bundle, an ONNX file or a SavedModel folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, ConfigError, Problem
from img2imgkit.formats.saved_model import GRAPH
from img2imgkit.inference.exported.describe import Describe
from img2imgkit.inference.models.bundle_reference import BundleReference
from img2imgkit.inference.models.exported_reference import onnx_reference, saved_model_reference
from img2imgkit.inference.models.model_reference import ModelReference

FIRST = "translate.onnx"  # in a folder with one ONNX file for each program
MODEL_FILES = (bundle.MANIFEST, bundle.EXPORTED_FILE, GRAPH)
"""Files of which each marks a folder as a model."""


def find_model(reference: str, base: Path, catalog: Catalog, describe: Describe | None = None) -> ModelReference:
    """Find a model by name, or by a path relative to ``base``; imports neither TensorFlow nor an engine.

    Args:
        describe: the user's description of a third-party ONNX file

    Raises:
        NotInstalled, BundleError: the model does not exist, is damaged, or is refused.
        ConfigError: the description contradicts the model, is insufficient, or is not needed.
    """
    path = None if reference in catalog.bundles else _expanded(reference, base)
    if path is not None and (path / bundle.EXPORTED_FILE).exists() and (path / FIRST).is_file():
        path /= FIRST
    if path is not None and path.is_file():
        return onnx_reference(path, describe, catalog)
    if path is not None and path.suffix.lower() == ".onnx" and not path.exists():
        raise BundleError(f"{path}: no such file")
    if path is not None and (path / GRAPH).exists():
        found = saved_model_reference(path, catalog)
    else:
        folder = bundle.locate(reference, base, catalog)
        manifest = bundle.describe(folder)
        kind = catalog.data_kinds.get(manifest.contract.data)
        alone = kind is not None and kind.picture_alone
        found = BundleReference(folder, manifest, manifest.digest, catalog, alone)
    if describe is not None:
        raise ConfigError(Problem(f"{reference} describes itself: leave this out", "describe"))
    return found


@dataclass(frozen=True)
class ModelFinder:
    """Finds models for the steps of a pipeline, see ``step.Models``."""

    catalog: Catalog

    def find(self, name: str, base: Path, describe: Describe | None = None) -> ModelReference:
        """See ``find_model``."""
        return find_model(name, base, self.catalog, describe)


def _expanded(reference: str, base: Path) -> Path | None:
    try:
        return base / Path(reference).expanduser()
    except RuntimeError:  # an unknown user after ~, reported by ``bundle.locate``
        return None
