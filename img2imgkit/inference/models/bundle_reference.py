"""References to bundles, which are loaded as networks, or as an engine form, which needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from img2imgkit import bundle
from img2imgkit.bundle import Bundle, EngineForm, Manifest
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError
from img2imgkit.inference.engines.selection import ModelFacts
from img2imgkit.inference.exported.exported_model import TRANSLATE, ExportedModel
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.inference.models.exported_reference import exported_reference
from img2imgkit.inference.models.model_reference import ModelReference


@dataclass(frozen=True)
class BundleReference(ModelReference):
    """A bundle's folder.

    Attributes:
        picture_alone: as stated by its data kind; False if the kind is not installed, which the task then reports
    """

    folder: Path
    manifest: Manifest
    digest: str
    catalog: Catalog = field(repr=False, compare=False)
    picture_alone: bool = False

    @property
    def scale(self) -> int:
        return self.manifest.contract.scale

    def prove(self, options: TranslateOptions) -> None:
        pass

    def task(self, choices: Mapping[str, Any]) -> Translates:
        return bundle.task_of(self.folder, self.catalog, choices)

    @property
    def facts(self) -> ModelFacts:
        return ModelFacts(frozenset({"networks", "onnx"}))

    def load(self, form: EngineForm | None = None) -> Bundle | ExportedModel:
        if form is None:
            return bundle.load(self.folder, self.catalog)
        for name in form.sha256:
            form.opened(Path(name).stem)
        model = exported_reference(form.opened(TRANSLATE), self.catalog).load()
        if model.manifest.digest != self.manifest.digest:
            raise BundleError(f"{form.path}: the engine form of another bundle: remove this folder")
        return replace(model, manifest=self.manifest, own_precision=False)
