"""Measure every engine in every precision of its devices with one model, as the step ``translate`` runs it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from img2imgkit.benchmark.turns import Call, Extent, Timing, timed
from img2imgkit.bundle import EngineForm
from img2imgkit.catalog import Catalog
from img2imgkit.config import suggestion
from img2imgkit.engine import Engine, Precision
from img2imgkit.errors import ConfigError
from img2imgkit.exporting import FormSource
from img2imgkit.images import Picture
from img2imgkit.inference import (
    BUILT_IN,
    BundleReference,
    ModelReference,
    Selected,
    TranslateOptions,
    Translator,
    Wanted,
    conditions_of,
    facts_of,
    find_model,
)
from img2imgkit.inference.engines.selection import EngineFacts, ModelFacts, select, why_not
from img2imgkit.places import Places

PRECISIONS: Sequence[Precision] = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Extents:
    """How much is measured: pictures of one size in several rounds.

    Attributes:
        width, height: of each picture
        seconds: that each engine runs in a round
    """

    width: int = 512
    height: int = 512
    rounds: int = 5
    seconds: float = 1.0


@dataclass(frozen=True)
class Contender:
    """An engine on one kind of device in one precision.

    Attributes:
        auto: whether it is what "auto" chooses for this precision
        why_not: "", or why it cannot run the model
    """

    engine: str
    version: str
    device: Literal["cpu", "gpu"]
    precision: Precision
    auto: bool = False
    why_not: str = ""


@dataclass(frozen=True)
class Result:
    """The speed of a contender with one model; no speed if it cannot run the model, or failed.

    Attributes:
        rounds: pictures a second in each round
        megapixels: the median of the source's pixels a second, in millions
        peak_bytes: the largest memory of its process; None: not known
        problem: "", or why there are no figures
    """

    model: str
    contender: Contender
    rounds: tuple[float, ...] = ()
    megapixels: float = 0.0
    peak_bytes: int | None = None
    problem: str = ""

    @property
    def pictures(self) -> float:
        """The median of pictures a second."""
        return statistics.median(self.rounds) if self.rounds else 0.0


def contenders(
    model: ModelReference,
    engines: Mapping[str, type[Engine]],
    engine: str | None = None,
    precision: Precision | None = None,
) -> list[Contender]:
    """What can run a model here, and what cannot, with the reason.

    Args:
        engine: only this one
        precision: only this one, also where it is not native; None: the native ones of each device

    Raises:
        ConfigError: there is no engine of this name.
    """
    if engine is not None and engine not in engines:
        known = ", ".join(sorted(engines))
        raise ConfigError(f"no engine {engine!r}{suggestion(engine, engines)}; installed: {known}")
    facts, about = facts_of(engines), model.facts
    if isinstance(model, BundleReference) and _form(model) is None:
        about = ModelFacts(frozenset({"networks"}))
    chosen = {each: _auto(each, about, facts) for each in PRECISIONS}
    found: list[Contender] = []
    for name, each in facts.items():
        if engine in (None, name):
            found += _of_engine(name, each, about, precision, chosen)
    return found


def measure(
    reference: str,
    base: Path,
    candidates: Sequence[Contender],
    extents: Extents,
    opened: Callable[[str, Path, Contender, Extents], Call] | None = None,
) -> list[Result]:
    """Measure the contenders that can run a model, each in a process of its own; they take turns.

    Args:
        reference: the model's name, or its path relative to ``base``
        opened: what a process measures, picklable; None: ``translating``
    """
    able = {str(number): each for number, each in enumerate(candidates) if not each.why_not}
    make = opened or translating
    sides = {key: partial(make, reference, base, each, extents) for key, each in able.items()}
    timings = timed(sides, extents.rounds, Extent(seconds=extents.seconds))
    measured = {each: _result(reference, each, timings[key], extents) for key, each in able.items()}
    return [measured.get(each) or Result(reference, each, problem=each.why_not) for each in candidates]


def translating(reference: str, base: Path, contender: Contender, extents: Extents) -> Call:
    """Open a model; each call translates a picture from memory.

    Conditions get neutral values: maps of the first class, the first of several values, the picture itself as example.
    """
    translator = opened_by(contender, reference, base)
    levels = np.random.default_rng(0).integers(0, 256, (extents.height, extents.width, 3), np.uint8)
    picture = Picture(levels)
    return partial(translator.translate, picture, _neutral(translator, picture))


def opened_by(contender: Contender, reference: str, base: Path) -> Translator:
    """Open a model on an engine in a precision, as ``translate`` does.

    Args:
        reference: as for ``measure``
    """
    catalog = Catalog.installed()
    engines = {**BUILT_IN, **catalog.engines}
    found = find_model(reference, base, catalog)
    onnx = isinstance(found, BundleReference) and engines[contender.engine].form == "onnx"
    model = found.load(_form(found) if onnx else None)
    selected = Selected(contender.engine, contender.version, contender.device, contender.precision)
    options = TranslateOptions.model_validate({"engine": contender.engine, "precision": contender.precision})
    return Translator(model, options, contender.device, selected, engines)


def _form(model: ModelReference) -> EngineForm | None:
    """The engine form of a bundle with its default choices, its own or one in the cache."""
    if not isinstance(model, BundleReference):
        return None
    return FormSource(model.folder, model.manifest, model.plugin, {}, Places.of_user()).find()


def _neutral(translator: Translator, picture: Picture) -> dict[str, Any]:
    task, given = translator.bundle.task, dict[str, Any]()
    for name, condition in conditions_of(task).items():
        if condition.kind == "map":
            given[name] = np.zeros((picture.height, picture.width), np.int32)
        elif condition.kind == "pictures":
            given[name] = translator.encode(name, [picture])
        elif condition.kind == "value" and condition.required and condition.values:
            given[name] = condition.parse(condition.values[0]) if condition.parse else condition.values[0]
    return given


def _of_engine(
    name: str,
    facts: EngineFacts,
    model: ModelFacts,
    precision: Precision | None,
    chosen: Mapping[Precision, tuple[str, str] | None],
) -> list[Contender]:
    version = facts.version or ""
    try:
        there = list(facts.devices()) if facts.version is not None else []
    except Exception as error:  # a damaged installation can raise anything
        why = f"it cannot be imported: {type(error).__name__}: {error}"
        return [Contender(name, version, "cpu", precision or "float32", why_not=why)]
    found: list[Contender] = []
    kinds: list[Literal["cpu", "gpu"]] = ["cpu", "gpu"]
    for kind in kinds:
        native = next((device.precisions for device in there if device.kind == kind), None)
        if native is None and kind == "gpu":
            continue
        wanted = [precision] if precision else [each for each in PRECISIONS if each in (native or ("float32",))]
        for each in wanted:
            why = why_not(name, kind, Wanted(name, kind, each), model, facts)
            found.append(Contender(name, version, kind, each, chosen.get(each) == (name, kind), why))
            if why and precision is None:
                break  # the same for its other precisions
    return found


def _auto(precision: Precision, model: ModelFacts, facts: Mapping[str, EngineFacts]) -> tuple[str, str] | None:
    try:
        selected = select(Wanted(precision=precision), model, facts)
    except ConfigError:
        return None
    return selected.name, selected.device


def _result(model: str, contender: Contender, timing: Timing, extents: Extents) -> Result:
    if timing.failure:
        return Result(model, contender, peak_bytes=timing.peak_bytes, problem=timing.failure)
    rounds = tuple(1 / seconds for seconds in timing.seconds)
    megapixels = statistics.median(rounds) * extents.width * extents.height / 1e6
    return Result(model, contender, rounds, megapixels, timing.peak_bytes)
