"""The hooks that a plugin can implement, one for each kind of thing it can provide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

from img2imgkit.hooks import GROUP

if TYPE_CHECKING:
    from pathlib import Path

    from img2imgkit.adversary import AdversarialLoss, Augmentation, Penalty
    from img2imgkit.architectures import Architecture
    from img2imgkit.data_kind import DataKind
    from img2imgkit.degradations import Degradation
    from img2imgkit.engine import Engine
    from img2imgkit.exchange import Exporter, Importer
    from img2imgkit.image_losses import Loss
    from img2imgkit.metrics import Metric
    from img2imgkit.model_entry import ModelEntry
    from img2imgkit.step import Step
    from img2imgkit.task import Task

hookspec = pluggy.HookspecMarker(GROUP)


@hookspec
def register_tasks(register: Callable[[type[Task]], None]) -> None:
    """Call ``register(TaskClass)`` once for each task of this plugin.

    Import the class inside the hook, and Keras inside the class's methods: listing tasks must not load TensorFlow.
    """


@hookspec
def register_architectures(register: Callable[[type[Architecture]], None]) -> None:
    """Call ``register(ArchitectureClass)`` once for each architecture of this plugin."""


@hookspec
def register_losses(register: Callable[[type[Loss]], None]) -> None:
    """Call ``register(LossClass)`` once for each loss between two images of this plugin."""


@hookspec
def register_adversarial_losses(register: Callable[[type[AdversarialLoss]], None]) -> None:
    """Call ``register(AdversarialLossClass)`` once for each adversarial loss of this plugin."""


@hookspec
def register_penalties(register: Callable[[type[Penalty]], None]) -> None:
    """Call ``register(PenaltyClass)`` once for each gradient penalty of this plugin."""


@hookspec
def register_augmentations(register: Callable[[type[Augmentation]], None]) -> None:
    """Call ``register(AugmentationClass)`` once for each augmentation of critic inputs of this plugin."""


@hookspec
def register_degradations(register: Callable[[type[Degradation]], None]) -> None:
    """Call ``register(DegradationClass)`` once for each degradation of this plugin."""


@hookspec
def register_data_kinds(register: Callable[[type[DataKind]], None]) -> None:
    """Call ``register(DataKindClass)`` once for each data kind of this plugin.

    Their modules must not import Keras: pipeline plans look data kinds up.
    """


@hookspec
def register_steps(register: Callable[[type[Step]], None]) -> None:
    """Call ``register(StepClass)`` once for each pipeline step of this plugin."""


@hookspec
def register_importers(register: Callable[[type[Importer]], None]) -> None:
    """Call ``register(ImporterClass)`` once for each format of model files that this plugin reads."""


@hookspec
def register_exporters(register: Callable[[type[Exporter]], None]) -> None:
    """Call ``register(ExporterClass)`` once for each format of model files that this plugin writes."""


@hookspec
def register_engines(register: Callable[[type[Engine]], None]) -> None:
    """Call ``register(EngineClass)`` once for each engine of inference of this plugin.

    Import its library inside the class's methods: the engines are listed by every plan.
    """


@hookspec
def register_metrics(register: Callable[[type[Metric]], None]) -> None:
    """Call ``register(MetricClass)`` once for each metric of this plugin.

    The class lists its protocols; a protocol needs no hook of its own.
    """


@hookspec
def register_bundles(register: Callable[[Path], None]) -> None:
    """Call ``register(folder)`` once for each trained bundle of this plugin; the folder's name becomes the bundle's."""


@hookspec
def register_model_index(register: Callable[[ModelEntry], None]) -> None:
    """Call ``register(entry)`` once for each model that this plugin's index knows by name.

    ``img2imgkit.read_index`` reads the entries of a YAML file. Nothing is fetched before a user asks for it.
    """
