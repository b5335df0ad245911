"""What a ``translate`` step runs, found and described without running it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit import backend, bundle
from img2imgkit.bundle import Bundle, Manifest
from img2imgkit.inference.conditions import Translates
from img2imgkit.inference.exported.model import ExportedModel
from img2imgkit.inference.translate_options import TranslateOptions

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog

ALONE = ("paired", "unpaired", "degraded")  # kinds of data whose tasks need nothing but a picture, as a rule


class ModelReference(ABC):
    """A model that is found and described.

    Attributes:
        manifest: of the bundle; of a foreign file, the same in its words
        digest: changes whenever the output may change
    """

    manifest: Manifest
    digest: str

    @property
    @abstractmethod
    def scale(self) -> int:
        """How many times it enlarges, if nothing is chosen."""

    @abstractmethod
    def prove(self, options: TranslateOptions) -> None:
        """Raises ConfigError: it cannot be run so. Needs no code of its task."""

    @abstractmethod
    def task(self, catalog: Catalog, choices: Mapping[str, Any]) -> Translates:
        """Its task with these choices. May import TensorFlow.

        Raises:
            NotInstalled: it is not there.
            ConfigError: it has no such choices, or the model was exported with others.
        """

    @abstractmethod
    def load(self, catalog: Catalog) -> Bundle | ExportedModel:
        """What a Translator takes."""

    @property
    def plain(self) -> bool:
        """Whether a picture alone goes in, as a rule, so that planning needs no code of its task."""
        return self.manifest.contract.data in ALONE


@dataclass(frozen=True)
class BundleReference(ModelReference):
    """A bundle's folder."""

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def scale(self) -> int:
        return self.manifest.contract.scale

    def prove(self, options: TranslateOptions) -> None:
        pass

    def task(self, catalog: Catalog, choices: Mapping[str, Any]) -> Translates:
        return bundle.task_of(self.folder, catalog, choices)

    def load(self, catalog: Catalog) -> Bundle:
        backend.load()
        return bundle.load(self.folder, catalog)
