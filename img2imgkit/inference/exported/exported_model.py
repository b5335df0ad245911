"""Exported models: their description, their file formats, and what they refuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.bundle import Manifest
from img2imgkit.config import parse_yaml, validate
from img2imgkit.engine import Precision, Session
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.engines.runner import BLIND, Place
from img2imgkit.inference.engines.selection import FAST, ModelFacts
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.task import Task

TRANSLATE = "translate"


class FileFormat(ABC):
    """A file format of exported models.

    Attributes:
        facts: which engines can open it
    """

    facts: ModelFacts

    @abstractmethod
    def session(self, path: Path, place: Place, precision: Precision) -> Session:
        """Open a model's translation; see ``Engine.open``."""

    @abstractmethod
    def encoder(self, path: Path, place: Place, condition: str) -> Session:
        """Open a model's encoder of pictures for a condition, from "image" to "code".

        Raises:
            BundleError: the model has no such encoder; the message explains how to export one.
        """

    @abstractmethod
    def bytes_per_pixel(self, path: Path, interface: Interface) -> float:
        """See ``Runnable.bytes_per_pixel``."""


@dataclass(frozen=True)
class ExportedModel:
    """An exported model that is described but not loaded; a Translator accepts it in place of a ``Bundle``.

    Attributes:
        task: the task of the exported bundle, or a stand-in from the description
        choices: choices of the task that are built into the model
        notes: notes for the report
        blind: see ``Runnable``
        own_precision: whether it computes in the precision of its file, so that no other can be asked for
    """

    path: Path
    manifest: Manifest
    task: Translates
    interface: Interface
    format: FileFormat
    choices: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    blind: str = BLIND
    own_precision: bool = True

    @property
    def facts(self) -> ModelFacts:
        """Which engines can run it."""
        return replace(self.format.facts, own_precision=self.own_precision)

    def choosing(self, choices: Mapping[str, Any]) -> ExportedModel:
        """The model itself. Raises ConfigError: it was exported with other choices."""
        prove_choices(self.path, self.task, self.choices, choices)
        return self

    def prove(self, options: TranslateOptions) -> None:
        """Raises ConfigError: it does not support these options."""
        prove_options(self.path, self.interface, options, self.own_precision)

    def session(self, place: Place, precision: Precision) -> Session:
        """See ``Runnable``."""
        return self.format.session(self.path, place, precision)

    def encoder(self, place: Place, condition: str) -> Callable[[np.ndarray], np.ndarray]:
        """See ``Runnable``."""
        session = self.format.encoder(self.path, place, condition)
        return lambda pixels: session({"image": self.interface.pixels(pixels)})["code"]

    def bytes_per_pixel(self) -> float:
        """See ``Runnable``."""
        return self.format.bytes_per_pixel(self.path, self.interface)


def prove_options(path: Path, interface: Interface, options: TranslateOptions, own_precision: bool = True) -> None:
    """Raises ConfigError: an exported model does not support these options."""
    if own_precision and options.precision not in ("float32", FAST):
        raise ConfigError(
            f"precision {options.precision!r}: that of {path.name} was fixed when it was exported: leave the option "
            "out, or export the bundle again with this precision"
        )
    if interface.whole and options.tile not in ("auto", "off"):
        why = "it must see each picture as a whole"
        raise ConfigError(f"tile {options.tile}: {path.name} allows no tiles, since {why}: leave the option out")
    if interface.size is None:
        return
    height, width = interface.size
    if options.tile not in ("auto", max(interface.size)):
        raise ConfigError(f"tile {options.tile}: {path.name} requires tiles of {height}x{width}: leave the option out")
    if options.ensemble and height != width:
        raise ConfigError(f"ensemble: {path.name} requires {height}x{width}, which cannot be rotated: leave it out")


def prove_choices(path: Path, task: Translates, own: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    """Raises ConfigError: the stated choices differ from those built into an exported model."""
    if not stated:
        return
    wanted, given = ((_complete(task, each) if isinstance(task, Task) else each) for each in (stated, own))
    for name in stated:
        if name not in given:
            raise ConfigError(f"choices: {path.name} has no choice {name!r}")
        if wanted[name] != given[name]:
            raise ConfigError(
                f"choices: {name} {wanted[name]!r}, but {path.name} was exported with {given[name]!r}: export the "
                f"bundle again with the choice {name}={wanted[name]}"
            )


def _complete(task: Task, choices: Mapping[str, Any]) -> Mapping[str, Any]:
    found = validate(task.Choices, parse_yaml("", f"task {task.name!r}"), at=("choices",), data=choices)
    return found.model_dump(mode="json")


def program_error(path: Path, program: str, known: Sequence[str]) -> BundleError:
    """The error that a model has no program of that name."""
    return BundleError(f"{path}: has no program {program!r}; it has {', '.join(known) or 'none'}")
