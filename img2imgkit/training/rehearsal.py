"""Check a training: its file, all pictures, and everything that happens before the first step, writing nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.config import Document
from img2imgkit.data import Inspection, inspect_data, open_reader
from img2imgkit.errors import ConfigError, ToolkitError, TrainingError
from img2imgkit.geometry_proof import prove_geometry
from img2imgkit.training.loop.feed import Feed
from img2imgkit.training.plan.initial import start_from
from img2imgkit.training.plan.training_file import TrainingPlan, read_training_plan
from img2imgkit.training.plan.training_options import TrainingOptions
from img2imgkit.training.record.run_folder import RunFolder

if TYPE_CHECKING:
    from img2imgkit.training.record.probe import Probe


def check_training_file(document: Document, catalog: Catalog) -> Inspection:
    """Check that ``train`` accepts a training file: validate it, decode all of its pictures, and rehearse the training.

    Raises:
        ConfigError: lists all problems of the file. Problems of pictures are in the returned inspection.
    """
    plan = read_training_plan(document, catalog)
    inspection = inspect_data(plan.data, plan.task.geometry(), plan.file.probe, plan.task.data_problems)
    try:
        notes = rehearse(plan, catalog, has_data=not inspection.problems)
    except ConfigError:
        raise
    except ToolkitError as error:
        return replace(inspection, problems=(*inspection.problems, *str(error).splitlines()))
    return replace(inspection, notes=(*inspection.notes, *notes))


def rehearse(plan: TrainingPlan, catalog: Catalog, has_data: bool = True) -> tuple[str, ...]:
    """Do what a training does before its first step, on the CPU, and trace the steps without computing them.

    Measures the geometry of the task, builds the networks, loads the initial weights, opens the probe and its best
    metric, and translates the probe's first picture at its size. Without usable data, only the initial weights are
    loaded.

    Returns:
        notes on what of the geometry is not proved, and on the initial weights

    Raises:
        ConfigError: an initial model file does not fit.
        DataError: the probe cannot be used.
        GeometryError: the task's networks map sizes otherwise than it states.
        TrainingError: the options do not fit the task or the probe, or a step cannot be computed with them.
    """
    if not has_data:
        return start_from(plan.initial, catalog, plan.task, plan.task.build()) if plan.initial else ()
    backend.load()
    try:
        return _rehearsed(plan, catalog)
    except ToolkitError:
        raise
    except Exception as error:  # the code of tasks and layers can raise anything
        raise TrainingError(
            f"task {plan.task.name!r} cannot compute a step with these options: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"


def _rehearsed(plan: TrainingPlan, catalog: Catalog) -> tuple[str, ...]:
    from img2imgkit.training.loop.trainer import Trainer
    from img2imgkit.training.record.journal import Best
    from img2imgkit.training.record.probe import Probe, probe_metrics

    reader = open_reader(plan.data, plan.task.geometry(), plan.task.data_problems)
    plan, unproved = plan.in_steps(reader.epoch, reader.batch_size), prove_geometry(plan.task)
    file, (batch, options) = plan.file, _shortened(reader.batch_size, plan.file.training)
    feed = Feed(reader, plan.task, options.seed)
    strategy = backend.strategy_over(backend.devices("cpu")[:1])
    trainer = Trainer(plan.task, options, strategy, batch, feed.batch(0, range(1)))
    notes = start_from(plan.initial, catalog, plan.task, trainer.nets) if plan.initial else ()
    measured = probe_metrics(catalog.metrics, options.best)
    probe = Probe(reader, file.probe, plan.task, trainer.result, measured) if file.probe else None
    if options.best:
        Best(RunFolder(Path(file.name)), catalog.get("metrics", options.best), probe, resumed=False)
    trainer.trace(feed.batch(0, trainer.rows))
    if probe:
        _translate_first(probe, plan)
    return (*unproved, *notes)


def _shortened(batch: int, options: TrainingOptions) -> tuple[int, TrainingOptions]:
    """Return a global batch of two micro-batches at most: each would be traced, and further ones are computed alike."""
    count = options.micro_batches
    if count <= 2:
        return batch, options
    return batch // count * 2, options.model_copy(update={"micro_batches": 2})


def _translate_first(probe: Probe, plan: TrainingPlan) -> None:
    """Do what the first evaluation of the probe does, for one picture. Raises TrainingError: it is not possible."""
    try:
        probe.evaluate(most=1)
    except ToolkitError:
        raise
    except Exception as error:
        text = f"probe {plan.file.probe}: task {plan.task.name!r} cannot translate its first picture: {_reason(error)}"
        raise TrainingError(text) from error
