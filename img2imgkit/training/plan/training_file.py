"""The training file: what to train, on which data, and how. Checked completely before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from img2imgkit import bundle
from img2imgkit.adversary import Adversary
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import Config, Document, Location, parse_yaml, suggestion, validate, with_absolute_paths
from img2imgkit.data_kind import DataKind
from img2imgkit.errors import BundleError, ConfigError, NotInstalled, Problem
from img2imgkit.metrics import Metric, PairMetric
from img2imgkit.task import Task
from img2imgkit.training.plan.initial import Initial, read_initial
from img2imgkit.training.plan.training_options import TrainingOptions

Result = TypeVar("Result")


class TrainingFile(Config):
    """A training file, as ``img2img train`` reads it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the run folder and of the bundle")
    task: str = Field(description="an installed task; img2img tasks lists them")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="the task's options; default: those of the 'initial' bundle or run, if it is of the same task",
    )
    weights: dict[str, Any] = Field(default_factory=dict, description="a coefficient for each loss term of the task")
    data: dict[str, Any] = Field(description="an installed data kind as 'kind', and its options")
    training: TrainingOptions
    probe: Annotated[Path, Location()] | None = Field(
        default=None, description="folder of pictures for sample sheets and scores"
    )
    initial: str | dict[str, str] | None = Field(
        default=None,
        description="bundle to copy fitting weights from; or a run folder or checkpoint of another training, whose "
        "critics are copied too; or a mapping from the task's networks to model files or runs, with an optional "
        "'bundle' or 'run' for the other networks",
    )
    description: str = ""
    licence: str = Field(default="", description="licence of the trained weights")
    attribution: tuple[str, ...] = Field(default=(), description="authors of the training pictures")


@dataclass(frozen=True)
class TrainingPlan:
    """A validated training file, with its task, its data and its initial weights."""

    file: TrainingFile
    task: Task
    data: DataKind
    initial: Initial | None

    def in_steps(self, samples: int, batch: int) -> TrainingPlan:
        """The plan with the length of the training in steps; see ``TrainingOptions.in_steps``."""
        training = self.file.training.in_steps(samples, batch)
        return replace(self, file=self.file.model_copy(update={"training": training}))

    def resolved(self) -> dict[str, Any]:
        """The training file with all defaults, as plain data."""
        plain = self.file.model_dump(mode="json")
        return {
            **plain,
            "options": self.task.options.model_dump(mode="json"),
            "weights": self.task.weights.model_dump(mode="json"),
            "data": self.data.options.model_dump(mode="json"),
            "initial": self.initial.stated() if self.initial else None,
        }


def read_training_plan(document: Document, catalog: Catalog) -> TrainingPlan:
    """Validate a training file against the installed plugins. No picture is opened.

    Raises:
        ConfigError: lists all problems, with line and column.
    """
    problems: list[Problem] = []
    stated = document.data if isinstance(document.data, dict) else {}
    task_class = _task_class(stated.get("task"), document, catalog, problems)
    located_file = with_absolute_paths(TrainingFile, document)
    if task_class is not None and isinstance(stated.get("training"), dict):
        located_file["training"] = _with_steps(_merged(stated["training"], task_class.training))
    file = _collected(problems, lambda: validate(TrainingFile, document, data=located_file))
    data = _collected(problems, lambda: _data(document, stated, catalog))
    initial = read_initial(file.initial, document, catalog, problems) if file else None
    if task_class is not None:
        options = _collected(problems, lambda: _options(task_class, document, stated, initial, catalog))
        weights = _collected(problems, lambda: _section(task_class.Weights, document, stated, "weights"))
    if task_class is None or problems or file is None or data is None:
        raise ConfigError(*problems)
    task = task_class(options, weights)
    problems += [*_mismatches(file, data, task, document), *inconsistencies(file.training, task, document)]
    problems += [document.problem(("training", "best"), text) for text in _unfit_best(file, catalog)]
    if problems:
        raise ConfigError(*problems)
    return TrainingPlan(file, task, data, initial)


def _collected(problems: list[Problem], read: Callable[[], Result]) -> Result | None:
    try:
        return read()
    except ConfigError as error:
        problems += [problem for problem in error.problems if problem not in problems]
        return None


def _task_class(name: Any, document: Document, catalog: Catalog, problems: list[Problem]) -> type[Task] | None:
    if not isinstance(name, str):
        return None  # reported by the file's own validation
    try:
        found: type[Task] = catalog.get("tasks", name)
    except NotInstalled as error:
        problems.append(document.problem(("task",), str(error)))
        return None
    return found


def _merged(stated: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the task's defaults to what is stated. If ``kind`` differs from the default, add none."""
    if "kind" in stated and stated["kind"] != values.get("kind"):
        return dict(stated)
    merged = {**values, **stated}
    for key in values.keys() & stated.keys():
        if isinstance(stated[key], dict) and isinstance(values[key], Mapping):
            merged[key] = _merged(stated[key], values[key])
    return merged


def _with_steps(training: dict[str, Any]) -> dict[str, Any]:
    """Add ``steps`` if only the stages state the length of the training."""
    stages = training.get("stages")
    if {"steps", "epochs"} & training.keys() or not isinstance(stages, list) or not stages:
        return training
    lengths = [stage.get("steps") if isinstance(stage, dict) else None for stage in stages]
    valid = all(isinstance(length, int) and not isinstance(length, bool) for length in lengths)
    return {**training, "steps": sum(lengths) if valid else 1}  # errors are reported at the stage


def _options(
    task_class: type[Task], document: Document, stated: dict[str, Any], initial: Initial | None, catalog: Catalog
) -> Config:
    """Read the task's options; if none are stated, those of the initial bundle or run."""
    if "options" not in stated and initial and (given := _given_options(task_class, document, initial)):
        place, options = given
        return resolve(validate(task_class.Options, parse_yaml("", place), data=options), catalog)
    options = _section(task_class.Options, document, stated, "options")
    return resolve(options, catalog, document, ("options",))


def _given_options(task_class: type[Task], document: Document, initial: Initial) -> tuple[str, Any] | None:
    """The options of the initial bundle or run, with their file; None if it is of another task."""
    if initial.run:
        options = initial.run.options(task_class.name)
        return None if options is None else (str(initial.run.stated), options)
    if initial.bundle is None:
        return None
    try:
        manifest = bundle.describe(initial.bundle)
    except BundleError as error:
        raise ConfigError(document.problem(("initial",), str(error))) from None
    return (str(initial.bundle / bundle.MANIFEST), manifest.options) if manifest.task == task_class.name else None


def _section(model: type[Config], document: Document, stated: dict[str, Any], key: str) -> Config:
    """Validate a section; nested options keep its defaults: ``adversary: {spectral: true}`` keeps the task's loss."""
    if not isinstance(stated.get(key), dict):
        return validate(model, document, (key,), {})
    data = with_absolute_paths(model, document, (key,))
    nested = {name: field.default for name, field in model.model_fields.items() if isinstance(field.default, Config)}
    defaults = {name: default.model_dump(mode="json") for name, default in nested.items() if name in data}
    return validate(model, document, (key,), {**data, **_merged({n: data[n] for n in defaults}, defaults)})


def _unfit_best(file: TrainingFile, catalog: Catalog) -> Iterator[str]:
    """Yield why ``training.best`` cannot be measured, as far as is known without opening a picture."""
    if file.training.best is None:
        return
    try:
        metric: type[Metric] = catalog.get("metrics", file.training.best)
    except NotInstalled as error:
        yield str(error)
        return
    if not issubclass(metric, PairMetric):
        yield f"{metric.name!r} compares sets of pictures; the probe needs a metric of pairs"
    elif not metric.applies_without_weights():
        yield f"{metric.name!r} needs a weights file, which training cannot supply; measure it after training"
    if file.probe is None:
        yield "needs a 'probe' that contains targets"


def _data(document: Document, stated: dict[str, Any], catalog: Catalog) -> DataKind | None:
    """Read the data kind and its options; None if the validation of the file reports the problem."""
    if not isinstance(stated.get("data"), dict):
        return None
    if "kind" not in stated["data"]:
        raise ConfigError(document.problem(("data", "kind"), f"is required: one of {', '.join(catalog.data_kinds)}"))
    name = stated["data"]["kind"]
    if not isinstance(name, str) or name not in catalog.data_kinds:
        known = f"{suggestion(str(name), catalog.data_kinds)}; expected one of {', '.join(catalog.data_kinds)}"
        raise ConfigError(document.problem(("data", "kind"), f"no data kind {name!r} is installed{known}"))
    kind: type[DataKind] = catalog.data_kinds[name]
    options = validate(kind.Options, document, ("data",), with_absolute_paths(kind.Options, document, ("data",)))
    return kind(resolve(options, catalog, document, ("data",)))


def _mismatches(file: TrainingFile, data: DataKind, task: Task, document: Document) -> list[Problem]:
    if data.name != task.data:
        message = f"task {task.name!r} is trained on {task.data!r} data, got {data.name!r}"
        return [document.problem(("data", "kind"), message)]
    options = data.options
    data_problems = list(options.data_problems(task.geometry()))
    stated, least = getattr(options, "crop", None), task.minimum_crop()
    crop = min(stated) if isinstance(stated, tuple) else stated
    if crop is not None and "crop" in getattr(options, "preprocess", "crop") and crop < least:
        data_problems.append(("crop", f"{crop} is too small; the task's networks need at least {least}"))
    if options.batch % file.training.micro_batches:
        message = f"{options.batch} images cannot be divided into {file.training.micro_batches} micro-batches"
        data_problems.append(("batch", message))
    return [document.problem(("data", option), message) for option, message in data_problems]


def inconsistencies(training: TrainingOptions, task: Task, document: Document) -> Iterator[Problem]:
    """Yield options that contradict each other, each at its place in the file."""
    adversary = getattr(task.options, "adversary", None)
    if isinstance(adversary, Adversary):
        yield from _adversary_problems(adversary, training, task, document)
    for number, stage in enumerate(training.stages):
        yield from _stage_weight_problems(number, stage.weights, task, document)


def _adversary_problems(
    adversary: Adversary, training: TrainingOptions, task: Task, document: Document
) -> Iterator[Problem]:
    penalty = adversary.penalty
    if adversary.loss.chosen.unbounded and penalty is None and training.critics.clip_weights is None:
        message = f"{adversary.loss.kind} needs a gradient penalty, or training.critics.clip_weights"
        yield document.problem(("options", "adversary", "loss"), message)
    penalties = {name: weight for name, weight in task.weights.model_dump().items() if name.startswith("penalty")}
    raised = any(stage.weights.get(name) for stage in training.stages for name in penalties)
    if penalty is not None and penalties and not any(penalties.values()) and not raised:
        message = f"{penalty.kind} has no effect, because weights.{next(iter(penalties))} is 0"
        yield document.problem(("options", "adversary", "penalty"), message)
    if penalty is None and training.critics.penalty_every > 1:
        message = "has no effect, because options.adversary.penalty is null"
        yield document.problem(("training", "critics", "penalty_every"), message)


def _stage_weight_problems(number: int, stated: dict[str, float], task: Task, document: Document) -> Iterator[Problem]:
    """Yield problems of a stage's weights: the task's bounds hold, and a term with weight 0 cannot be raised."""
    place = ("training", "stages", number, "weights")
    own = task.weights.model_dump()
    try:
        validate(type(task.weights), document, place, {**own, **stated})
    except ConfigError as error:
        yield from error.problems
        return
    for name, weight in stated.items():
        if weight and not own[name]:
            message = "cannot be raised from 0, which omits its term; state it in 'weights', and 0 in other stages"
            yield document.problem((*place, name), message)
