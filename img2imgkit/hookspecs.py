"""The doors a plugin may come through: the hooks of the ``img2imgkit`` entry-point group, and nothing else."""

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
    from img2imgkit.exchange import Exporter, Importer
    from img2imgkit.image_losses import Loss
    from img2imgkit.metrics import Metric
    from img2imgkit.step import Step
    from img2imgkit.task import Task

hookspec = pluggy.HookspecMarker(GROUP)


@hookspec
def register_tasks(register: Callable[[type[Task]], None]) -> None:
    """Call ``register(TaskClass)`` once for each method this plugin can train and run.

    Import the class inside the hook, and Keras inside the class's methods: listing tasks must not load TensorFlow.
    """


@hookspec
def register_architectures(register: Callable[[type[Architecture]], None]) -> None:
    """Call ``register(ArchitectureClass)`` once for each kind of network this plugin brings."""


@hookspec
def register_losses(register: Callable[[type[Loss]], None]) -> None:
    """Call ``register(LossClass)`` once for each distance of two images this plugin brings."""


@hookspec
def register_adversarial_losses(register: Callable[[type[AdversarialLoss]], None]) -> None:
    """Call ``register(AdversarialLossClass)`` once for each adversarial loss this plugin brings."""


@hookspec
def register_penalties(register: Callable[[type[Penalty]], None]) -> None:
    """Call ``register(PenaltyClass)`` once for each gradient penalty this plugin brings."""


@hookspec
def register_augmentations(register: Callable[[type[Augmentation]], None]) -> None:
    """Call ``register(AugmentationClass)`` once for each change of what critics see that this plugin brings."""


@hookspec
def register_degradations(register: Callable[[type[Degradation]], None]) -> None:
    """Call ``register(DegradationClass)`` once for each way to spoil pictures this plugin brings."""


@hookspec
def register_data_kinds(register: Callable[[type[DataKind]], None]) -> None:
    """Call ``register(DataKindClass)`` once for each way in which this plugin lets training pictures belong together.

    The modules that hold it must not import Keras: plans of pipelines ask for data kinds.
    """


@hookspec
def register_steps(register: Callable[[type[Step]], None]) -> None:
    """Call ``register(StepClass)`` once for each pipeline step this plugin adds."""


@hookspec
def register_importers(register: Callable[[type[Importer]], None]) -> None:
    """Call ``register(ImporterClass)`` once for each kind of model file this plugin reads."""


@hookspec
def register_exporters(register: Callable[[type[Exporter]], None]) -> None:
    """Call ``register(ExporterClass)`` once for each model format this plugin writes."""


@hookspec
def register_metrics(register: Callable[[type[Metric]], None]) -> None:
    """Call ``register(MetricClass)`` once for each metric this plugin adds.

    The class states the protocols that it is measured under; a protocol needs no hook of its own.
    """


@hookspec
def register_bundles(register: Callable[[Path], None]) -> None:
    """Call ``register(folder)`` once for each trained bundle this plugin brings; its name is the folder's."""
