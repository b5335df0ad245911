"""Which contract test proves a thing that a plugin registered, with options that are made up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel, ValidationError

from img2imgkit import bundle
from img2imgkit.architectures import Architecture, NetworkSpec
from img2imgkit.catalog import Catalog
from img2imgkit.data_kind import DataKind
from img2imgkit.engine import Engine
from img2imgkit.errors import ConfigError, DataError
from img2imgkit.exchange import Importer
from img2imgkit.geometry import Geometry
from img2imgkit.images import Picture, encode
from img2imgkit.metrics import Metric
from img2imgkit.step import Sink, Step
from img2imgkit.testing import (
    check_adversarial_loss,
    check_architecture,
    check_augmentation,
    check_data_kind,
    check_degradation,
    check_engine,
    check_exporter,
    check_loss,
    check_metric,
    check_penalty,
    check_step,
    check_task,
)

OWN_TESTS = "the plugin's own tests can prove it"
_SPECS = (
    NetworkSpec(),
    NetworkSpec(norm="instance"),
    NetworkSpec(norm="none"),
    NetworkSpec(scale=2),
    NetworkSpec(scale=4),
)
_PICTURES, _SIDE = 4, 320


class Unproved(Exception):
    """Why a contract cannot be proved without its author."""


def prove_contract(kind: str, name: str, catalog: Catalog, place: Path) -> None:
    """Run the contract test of an installed thing.

    Args:
        kind: of the catalog, such as "tasks"
        place: an empty folder for pictures

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
        Unproved: the test needs what only the author can give, such as a file of a format.
    """
    if kind not in _BATTERIES:
        return  # proved when it was registered
    _BATTERIES[kind](catalog.get(kind, name), catalog, place)


def _task(task: Any, catalog: Catalog, place: Path) -> None:
    _made(task.Options)
    check_task(task, catalog=catalog)


def _architecture(kind: type[Architecture], catalog: Catalog, place: Path) -> None:
    architecture = _made(kind)
    problems = [architecture.problem(spec) for spec in _SPECS]
    possible = [spec for spec, problem in zip(_SPECS, problems, strict=True) if not problem]
    if not possible:
        raise Unproved(f"it needs a request of a task that is not known here: {problems[0]}; {OWN_TESTS}")
    check_architecture(architecture, possible[0], catalog=catalog)


def _component(check: Callable[[Any], None], component: type[BaseModel], catalog: Catalog, place: Path) -> None:
    check(_made(component))


def _step(step: type[Step], catalog: Catalog, place: Path) -> None:
    folder = place if issubclass(step, Sink) else None
    check_step(step, _made(step.Options, folder), catalog=catalog)


def _data_kind(kind: type[DataKind], catalog: Catalog, place: Path) -> None:
    if kind.label_maps:
        raise Unproved(f"it needs label maps; {OWN_TESTS}")
    _write_pictures(place)
    options = _made(kind.Options, place, batch=2)
    try:
        problems = list(options.data_problems(Geometry())) or list(kind(options).reader(Geometry()).problems)
    except (ConfigError, DataError) as error:
        problems = [str(error)]
    if problems:
        raise Unproved(f"it needs pictures in an order of its own: {_text(problems[0])}; {OWN_TESTS}")
    check_data_kind(kind, options, probe=place)


def _metric(metric: type[Metric], catalog: Catalog, place: Path) -> None:
    if needs := [each.name for each in metric.needs if each.required]:
        raise Unproved(f"it needs the weights {', '.join(needs)}; {OWN_TESTS}")
    check_metric(metric)


def _engine(engine: type[Engine], catalog: Catalog, place: Path) -> None:
    if engine.form == "networks":
        raise Unproved(f"it opens loaded bundles; {OWN_TESTS}")
    if engine().version() is None:
        raise Unproved(f"it needs {engine.distribution}, which is not installed")
    check_engine(engine)


def _importer(importer: type[Importer], catalog: Catalog, place: Path) -> None:
    raise Unproved(f"it needs a file of its format; {OWN_TESTS}")


def _exporter(exporter: Any, catalog: Catalog, place: Path) -> None:
    check_exporter(exporter)


def _bundle(folder: Path, catalog: Catalog, place: Path) -> None:
    bundle.load(folder, catalog)


_BATTERIES: Mapping[str, Callable[[Any, Catalog, Path], None]] = MappingProxyType(
    {
        "tasks": _task,
        "architectures": _architecture,
        "data_kinds": _data_kind,
        "losses": partial(_component, check_loss),
        "adversarial_losses": partial(_component, check_adversarial_loss),
        "penalties": partial(_component, check_penalty),
        "augmentations": partial(_component, check_augmentation),
        "degradations": partial(_component, check_degradation),
        "steps": _step,
        "importers": _importer,
        "exporters": _exporter,
        "engines": _engine,
        "metrics": _metric,
        "bundles": _bundle,
    }
)


def _made(options: type[BaseModel], folder: Path | None = None, **stated: Any) -> Any:
    """Options with their defaults. With a folder, it is the value of every path that must be stated."""
    values: dict[str, Any] = dict(_required(options, folder)) | stated
    try:
        return options.model_validate(values)
    except ValidationError as error:
        names = ", ".join(str(each["loc"][0]) if each["loc"] else each["msg"] for each in error.errors())
        raise Unproved(f"its options have no defaults that go together: {names}; {OWN_TESTS}") from None


def _required(options: type[BaseModel], folder: Path | None) -> Iterator[tuple[str, Any]]:
    for name, about in options.model_fields.items():
        if about.is_required() and name == "kind":
            yield name, get_args(about.annotation)[0]
        elif about.is_required() and folder and Path in (about.annotation, *get_args(about.annotation)):
            yield name, folder


def _write_pictures(folder: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(_PICTURES):
        levels = random.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(encode(Picture(levels), "PNG").data)


def _text(problem: Any) -> str:
    return " ".join(map(str, problem)) if isinstance(problem, tuple) else str(problem)
