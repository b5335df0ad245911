"""Exported models, the interface of the software that runs them, and their engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.bundle import Manifest
from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.inference.engines.engine import Arrays, Engine
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.inputs.conditions import Translates
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.task import Task

Run = Callable[[Arrays], Arrays]
TRANSLATE = "translate"


class Runtime(ABC):
    """The software that runs one format of exported models."""

    @abstractmethod
    def devices(self, device: str) -> tuple[str, ...]:
        """Its own names of the devices "auto", "cpu", "gpu" or "gpu:0,1".

        Raises:
            ConfigError: the name is invalid, or there is no such device.
        """

    @abstractmethod
    def open(self, path: Path, name: str) -> Run:
        """Open a model's translation on the device of that name.

        The returned function raises OutOfMemory if the device runs out of memory, and TranslateError for other
        failures.

        Raises:
            BundleError: the model is refused, or cannot be opened.
        """

    @abstractmethod
    def encoder(self, path: Path, condition: str, name: str) -> Run:
        """Open a model's encoder of pictures for a condition; see ``open``.

        Raises:
            BundleError: the model has no such encoder; the message explains how to export one.
        """

    @abstractmethod
    def bytes_per_pixel(self, path: Path, interface: Interface) -> float:
        """See ``Engine.bytes_per_pixel``."""

    def free_bytes(self, names: Sequence[str]) -> int | None:
        """Memory that one call may use on each device; None: the same as for TensorFlow's devices."""
        return None


@dataclass(frozen=True)
class ExportedModel:
    """An exported model that is described but not loaded; a Translator accepts it in place of a ``Bundle``.

    Attributes:
        task: the task of the exported bundle, or a stand-in from the description
        choices: choices of the task that are built into the model
        notes: notes for the report
        blind: see ``Engine``
    """

    path: Path
    manifest: Manifest
    task: Translates
    interface: Interface
    runtime: Runtime
    choices: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    blind: str = Engine.blind

    def choosing(self, choices: Mapping[str, Any]) -> ExportedModel:
        """The model itself. Raises ConfigError: it was exported with other choices."""
        prove_choices(self.path, self.task, self.choices, choices)
        return self

    def engine(self, options: TranslateOptions, device: str) -> ExportedEngine:
        """The model on devices.

        Raises:
            ConfigError: the options or the device do not suit the model.
            BundleError: the model is refused, or cannot be opened.
        """
        prove_options(self.path, self.interface, options)
        return ExportedEngine(self, self.runtime.devices(device), options.batch)


class ExportedEngine(Engine):
    """An exported model, opened once on each device."""

    def __init__(self, model: ExportedModel, names: Sequence[str], batch: int) -> None:
        self.geometry, self.devices = model.interface.geometry, tuple(names)
        self.size, self.batch, self.blind = model.interface.size, model.interface.batch, model.blind
        self._model, self._interface, self._together = model, model.interface, model.interface.batch or batch
        self._runs = [model.runtime.open(model.path, name) for name in self.devices]
        self._encoders: dict[str, Run] = {}

    def __call__(self, inputs: Arrays) -> tuple[np.ndarray, np.ndarray]:
        tiles, each = len(inputs["source"]), self._together
        batches = [{name: array[at : at + each] for name, array in inputs.items()} for at in range(0, tiles, each)]
        if len(self._runs) == 1 or len(batches) == 1:
            images = [self._called(self._runs[0], batch) for batch in batches]
        else:
            images = self._shared(batches)
        image = images[0] if len(images) == 1 else np.concatenate(images)
        return image, np.isfinite(image).all(axis=(1, 2, 3))

    def encode(self, condition: str, pixels: np.ndarray) -> np.ndarray:
        if condition not in self._encoders:
            model = self._model
            self._encoders[condition] = model.runtime.encoder(model.path, condition, self.devices[0])
        return self._encoders[condition]({"image": self._interface.pixels(pixels)})["code"]

    def bytes_per_pixel(self) -> float:
        return self._model.runtime.bytes_per_pixel(self._model.path, self._interface)

    def free_bytes(self) -> int:
        own = self._model.runtime.free_bytes(self.devices)
        return super().free_bytes() if own is None else own

    def notes(self) -> Mapping[str, Any]:
        return self._model.notes

    def _shared(self, batches: Sequence[Arrays]) -> list[np.ndarray]:
        """Distribute batches over the devices, which run in parallel."""
        count = len(self._runs)

        def on(number: int) -> list[np.ndarray]:
            return [self._called(self._runs[number], batch) for batch in batches[number::count]]

        with ThreadPoolExecutor(count) as pool:
            made = list(pool.map(on, range(count)))
        return [made[at % count][at // count] for at in range(len(batches))]

    def _called(self, run: Run, inputs: Arrays) -> np.ndarray:
        source, fixed = inputs["source"], self._interface.batch
        feeds = self._interface.feeds(inputs)
        if fixed is not None and len(source) < fixed:
            missing = fixed - len(source)
            feeds = {name: np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for name, a in feeds.items()}
        made = run(feeds)[self._interface.output]
        return self._interface.image_of(made[: len(source)], source)


def prove_options(path: Path, interface: Interface, options: TranslateOptions) -> None:
    """Raises ConfigError: an exported model does not support these options."""
    if options.precision != "float32":
        raise ConfigError(
            f"precision {options.precision!r}: that of {path.name} was fixed when it was exported: leave the option "
            "out, or export the bundle again with this precision"
        )
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
