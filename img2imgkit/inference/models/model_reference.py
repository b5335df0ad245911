"""References to models, which are described but not loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from img2imgkit.bundle import Bundle, EngineForm, Manifest, PluginVersion
from img2imgkit.catalog import Catalog
from img2imgkit.inference.engines.selection import ModelFacts
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions


class ModelReference(ABC):
    """A model that was found and described, but not loaded.

    Attributes:
        manifest: the bundle's manifest, or an equivalent one for a third-party file
        digest: changes whenever the output may change
        catalog: the catalog that contains its task
    """

    manifest: Manifest
    digest: str
    catalog: Catalog

    @property
    @abstractmethod
    def scale(self) -> int:
        """The scale with the task's default choices."""

    @abstractmethod
    def prove(self, options: TranslateOptions) -> None:
        """Raises ConfigError: the model does not support these options. Does not import its task."""

    @abstractmethod
    def task(self, choices: Mapping[str, Any]) -> Translates:
        """Its task with these choices. May import TensorFlow.

        Raises:
            NotInstalled: the task is not installed.
            ConfigError: the task has no such choices, or the model was exported with others.
        """

    @property
    @abstractmethod
    def facts(self) -> ModelFacts:
        """In which forms engines can open it. The engine form of a bundle may have to be made."""

    @abstractmethod
    def load(self, form: EngineForm | None = None) -> Bundle | ExportedModel:
        """Load the model for a Translator.

        Args:
            form: of a bundle, what is loaded in place of its networks

        Raises:
            BundleError: the model or the form is damaged, or the form is that of another bundle.
        """

    @property
    def plugin(self) -> PluginVersion:
        """The plugin of its task in the installed version, or in the version stated by the model if not installed."""
        stated = self.manifest.plugin
        installed = {known.name: known.version for known in self.catalog.plugins}
        return PluginVersion(name=stated.name, version=installed.get(stated.name, stated.version))

    @property
    @abstractmethod
    def picture_alone(self) -> bool:
        """Whether a picture is the only input, so that planning does not need to import the task."""
