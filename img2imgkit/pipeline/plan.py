"""A plan: everything a run will do, resolved and checked before a picture is decoded or a folder made."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError, PlanError, Problem, ToolkitError
from img2imgkit.inference import ModelFinder
from img2imgkit.pipeline.file import Pipeline, Use
from img2imgkit.pipeline.folder import REPORTS, STATE
from img2imgkit.pipeline.ledger import Ledger, Recipe
from img2imgkit.pipeline.variants import (
    Variant,
    Variants,
    as_seen,
    differing,
    fields_before_sinks,
    new_variants,
    with_variants,
)
from img2imgkit.step import Entry, Listing, Planning, Sink, Source

SHOWN = 5
Targets = tuple[PurePosixPath | None, ...]


@dataclass(frozen=True)
class Job:
    """One output of an entry, where it will go, and why it must be made; empty when it is done.

    There is one target per sink. None: that sink stands before the steps that tell the entry's variants apart, and
    another job writes what they share.
    """

    entry: Entry
    targets: Targets
    reason: str


class Recipes:
    """What outputs depend on: the same for all of one variant."""

    def __init__(self, uses: Sequence[Use]) -> None:
        self._uses, self._known = uses, dict[Variant, Recipe]()

    def of(self, entry: Entry) -> Recipe:
        """The recipe of an entry's output, as its sink sees the entry."""
        return self._of(entry.variant)

    @property
    def common(self) -> Recipe:
        """What all variants have in common."""
        return self._of(())

    @property
    def known(self) -> Collection[Recipe]:
        """All that have been asked for."""
        return self._known.values()

    def _of(self, variant: Variant) -> Recipe:
        if variant not in self._known:
            self._known[variant] = Recipe([use.stated(dict(variant)) for use in self._uses])
        return self._known[variant]


@dataclass(frozen=True)
class Plan:
    """What a run will do."""

    pipeline: Pipeline
    listing: Listing
    jobs: tuple[Job, ...]
    recipes: Recipes

    @property
    def to_make(self) -> tuple[Job, ...]:
        """Jobs that are not done yet."""
        return tuple(job for job in self.jobs if job.reason)

    def reasons(self) -> Mapping[str, int]:
        """How many jobs have which reason; "up to date" for those that are done."""
        return dict(Counter(job.reason or "up to date" for job in self.jobs))


def make_plan(pipeline: Pipeline, catalog: Catalog, limit: int | None = None) -> Plan:
    """Resolve a pipeline against what is installed and what lies in its folders.

    Args:
        limit: only the first so many pictures, each with all its variants

    Raises:
        ConfigError: a step's options cannot work, such as an unknown template field.
        PlanError: the run would destroy or mix up files: targets that collide or exist, results inside the input.
    """
    variants = _prepare(pipeline, catalog)
    recipes = Recipes(pipeline.uses)
    listing = pipeline.source.find()
    found = listing.entries if limit is None else listing.entries[:limit]
    entries = found if not variants else tuple(with_variants(found, variants))
    sinks = pipeline.sinks
    targets = _targets(pipeline, entries)
    for number, sink in enumerate(sinks):
        written = (target for each in targets if (target := each[number]) is not None)
        _refuse_eating_results(pipeline.source, sink, written)
    _refuse_collisions(sinks, entries, targets)
    jobs = _decide(pipeline, entries, targets, recipes)
    return Plan(pipeline, listing, jobs, recipes)


def _prepare(pipeline: Pipeline, catalog: Catalog) -> Variants:
    facts: dict[str, str | int] = {}
    variants: dict[str, Sequence[str]] = {}
    maps: frozenset[str] = frozenset()
    problems: list[Problem] = []
    models = ModelFinder(catalog)
    for index, use in enumerate(pipeline.uses):
        try:
            sources = (pipeline.source.folder(),)
            use.step.prepare(Planning(models, dict(facts), sources, not problems, dict(variants), maps))
            facts |= use.step.facts()
            maps = use.step.maps(maps)
            variants |= new_variants(use.step, variants, facts)
        except ConfigError as error:
            for problem in error.problems:
                key = ("steps", index, "with", *_parts(problem.key))
                problems.append(pipeline.document.problem(key, problem.message))
        except PlanError:
            raise
        except ToolkitError as error:
            problems.append(pipeline.document.problem(("steps", index, "with"), str(error)))
    if problems:
        raise ConfigError(*problems)
    return variants


def _parts(key: str) -> Iterator[str | int]:
    """What leads to an option within a step's options; numbers lead through lists."""
    yield from (int(part) if part.isdecimal() else part for part in key.split(".") if part)


def _targets(pipeline: Pipeline, entries: tuple[Entry, ...]) -> list[Targets]:
    """Where each entry goes; None where an entry before has the same variant as far as the sink can tell."""
    fields = list(fields_before_sinks(pipeline.stages))
    seen: set[tuple[int, int, Variant]] = set()
    found = []
    for entry in entries:
        targets: list[PurePosixPath | None] = []
        for number, sink in enumerate(pipeline.sinks):
            told = as_seen(entry, fields[number]).variant
            key = (number, entry.index, told)
            targets.append(None if key in seen else sink.target(entry))
            if told != entry.variant:  # else no other entry can have it
                seen.add(key)
        found.append(tuple(targets))
    return found


def _refuse_eating_results(source: Source, sink: Sink, targets: Iterable[PurePosixPath]) -> None:
    read, written = _resolved(source.folder()), _resolved(sink.folder())
    if not (read.is_relative_to(written) or written.is_relative_to(read)):
        return
    for target in targets:
        path = written / target
        if path.is_relative_to(read) and source.reads(source.folder() / path.relative_to(read)):
            raise PlanError(
                f"the output folder {sink.folder()} lies inside the input {source.folder()}, so that a second run "
                f"would read the first one's results ({target}); write elsewhere, or exclude that folder in the "
                "read step"
            )


def _resolved(folder: Path) -> Path:
    try:
        return folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a null character
        raise PlanError(f"{folder}: cannot be a folder: {error}") from error


def _refuse_collisions(sinks: tuple[Sink, ...], entries: tuple[Entry, ...], targets: list[Targets]) -> None:
    makers: dict[str, list[tuple[Path, Entry]]] = defaultdict(list)
    for number, sink in enumerate(sinks):
        folder, plain = _resolved(sink.folder()), ignores_case(sink.folder())
        for entry, each in zip(entries, targets, strict=True):
            if (target := each[number]) is not None:
                path = str(folder / target)
                key = unicodedata.normalize("NFC", path).casefold() if plain else path
                makers[key].append((sink.folder() / target, entry))
    taken = {found[0][0]: [entry for _, entry in found] for found in makers.values() if len(found) > 1}
    if taken:
        lines = [f"  {path} <- {', '.join(entry.title for entry in found[:3])}" for path, found in taken.items()]
        raise PlanError(
            f"{len(taken)} output files would be written more than once; give the name template of the write step "
            f"another field, such as {_missing(taken.values())}:\n" + _some(lines)
        )


def _missing(taken: Iterable[Sequence[Entry]]) -> str:
    """The fields that would tell entries apart: of their variants, of their pictures, or of both."""
    groups = list(taken)
    fields = [f"{{{name}}}" for name in differing(groups)]
    if any(len({entry.index for entry in group}) > 1 for group in groups) or not fields:
        fields += ["{relpath}", "{ext}", "{index}"]
    return " or ".join([", ".join(fields[:-1]), fields[-1]]) if len(fields) > 1 else fields[0]


def ignores_case(folder: Path) -> bool:
    """Whether names that differ in case alone are one file there, as far as the folder's own name can tell."""
    here = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    other = here.with_name(here.name.swapcase()) if here.name else here
    return other.name != here.name and other.is_dir() and other.samefile(here)


def _decide(
    pipeline: Pipeline, entries: tuple[Entry, ...], targets: list[Targets], recipes: Recipes
) -> tuple[Job, ...]:
    sinks = pipeline.sinks
    ledgers = {folder: Ledger(folder / STATE) for folder in {sink.folder() for sink in sinks}}
    foreign = [f"  {path}" for path in _foreign_reports(pipeline.main_sink)]
    fields = list(fields_before_sinks(pipeline.stages))
    jobs = []
    for entry, each in zip(entries, targets, strict=True):
        reasons = []
        for number, (sink, target) in enumerate(zip(sinks, each, strict=True)):
            if target is None:
                continue
            ledger, path = ledgers[sink.folder()], sink.folder() / target
            exists, ours = os.path.lexists(path), str(target) in ledger.known
            if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ours)):
                foreign.append(f"  {path}")
            seen = as_seen(entry, fields[number])
            why = partial(ledger.why, seen, str(number), target, recipes.of(seen), sink.folder())
            reasons.append(_reason(sink, exists, why))
        jobs.append(Job(entry, each, next((reason for reason in reasons if reason), "")))
    if foreign:
        raise PlanError(
            f"{len(foreign)} output files are already there, and no run of this tool made them; set if_exists of "
            "the write step to overwrite or skip, or write elsewhere:\n" + _some(foreign)
        )
    return tuple(jobs)


def _foreign_reports(main: Sink) -> Iterable[Path]:
    if main.if_exists != "overwrite" and not (main.folder() / STATE).is_dir():
        yield from (path for path in (main.folder() / name for name in REPORTS) if path.exists())


def _reason(sink: Sink, exists: bool, why: Callable[[], str]) -> str:
    if sink.if_exists == "overwrite":
        return "overwriting is asked for"
    if sink.if_exists == "skip":
        return "" if exists else "new"
    return why()


def _some(lines: list[str]) -> str:
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join(lines[:SHOWN] + more)
