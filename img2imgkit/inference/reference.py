"""What a ``translate`` step runs, found and described without running it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit import backend, bundle
from img2imgkit.bundle import Bundle, Manifest
from img2imgkit.inference.exported.model import ExportedModel
from img2imgkit.inference.settings import Settings
from img2imgkit.inference.sides import Translates

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog


class Reference(ABC):
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
    def prove(self, settings: Settings) -> None:
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
    @abstractmethod
    def picture_alone(self) -> bool:
        """Whether a picture alone goes in, as a rule, so that planning needs no code of its task."""


@dataclass(frozen=True)
class BundleReference(Reference):
    """A bundle's folder.

    Attributes:
        picture_alone: as its data kind says; no where that kind is not installed, which the task's code then reports
    """

    folder: Path
    manifest: Manifest
    digest: str
    picture_alone: bool = False

    @property
    def scale(self) -> int:
        return self.manifest.contract.scale

    def prove(self, settings: Settings) -> None:
        pass

    def task(self, catalog: Catalog, choices: Mapping[str, Any]) -> Translates:
        return bundle.task_of(self.folder, catalog, choices)

    def load(self, catalog: Catalog) -> Bundle:
        backend.load()
        return bundle.load(self.folder, catalog)
