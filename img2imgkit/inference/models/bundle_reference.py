"""References to bundles: their networks, or their ONNX form, which needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from img2imgkit import bundle
from img2imgkit.bundle import Bundle, Manifest
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

    def facts(self, choices: Mapping[str, Any]) -> ModelFacts:
        form = bundle.engine_form(self.folder, self.manifest, choices)
        return ModelFacts(frozenset({"networks"} if form is None else {"networks", "onnx"}))

    def form_digest(self, choices: Mapping[str, Any]) -> str:
        form = bundle.engine_form(self.folder, self.manifest, choices)
        return "" if form is None else form.digest

    def load(
        self, form: Literal["networks", "onnx"] = "networks", choices: Mapping[str, Any] | None = None
    ) -> Bundle | ExportedModel:
        if form == "networks":
            return bundle.load(self.folder, self.catalog)
        found = bundle.engine_form(self.folder, self.manifest, choices or {})
        if found is None:
            raise BundleError(f"{self.folder}: its ONNX form has been removed since the run was planned: run again")
        model = exported_reference(found.opened(TRANSLATE), self.catalog).load()
        if model.manifest.digest != self.manifest.digest:
            raise BundleError(f"{found.path}: the ONNX form of another bundle: remove this folder")
        return replace(model, manifest=self.manifest, own_precision=False)
