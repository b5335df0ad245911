"""A model that is found and described, but not loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2imgkit import bundle
from img2imgkit.bundle import Bundle, Manifest, PluginVersion
from img2imgkit.catalog import Catalog
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions


class ModelReference(ABC):
    """A model that is found and described.

    Attributes:
        manifest: of the bundle; of a foreign file, the same in its words
        digest: changes whenever the output may change
        catalog: where its task is looked for
    """

    manifest: Manifest
    digest: str
    catalog: Catalog

    @property
    @abstractmethod
    def scale(self) -> int:
        """How many times it enlarges, if nothing is chosen."""

    @abstractmethod
    def prove(self, options: TranslateOptions) -> None:
        """Raises ConfigError: it cannot be run so. Needs no code of its task."""

    @abstractmethod
    def task(self, choices: Mapping[str, Any]) -> Translates:
        """Its task with these choices. May import TensorFlow.

        Raises:
            NotInstalled: it is not there.
            ConfigError: it has no such choices, or the model was exported with others.
        """

    @abstractmethod
    def load(self) -> Bundle | ExportedModel:
        """What a Translator takes."""

    @property
    def plugin(self) -> PluginVersion:
        """The plugin of its task, in the version that is installed; as the model states it where none is."""
        stated = self.manifest.plugin
        installed = {known.name: known.version for known in self.catalog.plugins}
        return PluginVersion(name=stated.name, version=installed.get(stated.name, stated.version))

    @property
    @abstractmethod
    def picture_alone(self) -> bool:
        """Whether a picture alone goes in, as a rule, so that planning needs no code of its task."""


@dataclass(frozen=True)
class BundleReference(ModelReference):
    """A bundle's folder.

    Attributes:
        picture_alone: as its data kind says; no where that kind is not installed, which the task's code then reports
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

    def load(self) -> Bundle:
        return bundle.load(self.folder, self.catalog)
