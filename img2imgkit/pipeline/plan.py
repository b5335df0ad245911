"""A plan: everything a run will do, resolved and checked before a picture is decoded or a folder made."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError, PlanError, Problem, ToolkitError
from img2imgkit.pipeline.file import Pipeline
from img2imgkit.pipeline.folder import REPORTS, STATE
from img2imgkit.pipeline.ledger import Ledger, Recipe
from img2imgkit.step import Entry, Listing, Planning, Sink, Source

SHOWN = 5


@dataclass(frozen=True)
class Job:
    """One entry, where it will go (one target per sink), and why it must be made; empty when it is done."""

    entry: Entry
    targets: tuple[PurePosixPath, ...]
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a run will do."""

    pipeline: Pipeline
    listing: Listing
    jobs: tuple[Job, ...]
    recipe: Recipe

    @property
    def to_make(self) -> tuple[Job, ...]:
        """Jobs that are not done yet."""
        return tuple(job for job in self.jobs if job.reason)

    def reasons(self) -> Mapping[str, int]:
        """How many jobs have which reason; "up to date" for those that are done."""
        return dict(Counter(job.reason or "up to date" for job in self.jobs))


def make_plan(pipeline: Pipeline, catalog: Catalog, limit: int | None = None) -> Plan:
    """Resolve a pipeline against what is installed and what lies in its folders.

    Raises:
        ConfigError: a step's options cannot work, such as an unknown template field.
        PlanError: the run would destroy or mix up files: targets that collide or exist, results inside the input.
    """
    _prepare(pipeline, catalog)
    recipe = Recipe([use.stated() for use in pipeline.uses])
    listing = pipeline.source.find()
    entries = listing.entries if limit is None else listing.entries[:limit]
    sinks = pipeline.sinks
    targets = [tuple(sink.target(entry) for sink in sinks) for entry in entries]
    for number, sink in enumerate(sinks):
        _refuse_eating_results(pipeline.source, sink, (each[number] for each in targets))
    _refuse_collisions(sinks, entries, targets)
    jobs = _decide(pipeline, entries, targets, recipe)
    return Plan(pipeline, listing, jobs, recipe)


def _prepare(pipeline: Pipeline, catalog: Catalog) -> None:
    facts: dict[str, str | int] = {}
    problems: list[Problem] = []
    for index, use in enumerate(pipeline.uses):
        try:
            use.step.prepare(Planning(catalog, dict(facts), (pipeline.source.folder(),), not problems))
            facts |= use.step.facts()
        except ConfigError as error:
            for problem in error.problems:
                key = ("steps", index, "with", *(problem.key.split(".") if problem.key else ()))
                problems.append(pipeline.document.problem(key, problem.message))
        except PlanError:
            raise
        except ToolkitError as error:
            problems.append(pipeline.document.problem(("steps", index, "with"), str(error)))
    if problems:
        raise ConfigError(*problems)


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


def _refuse_collisions(
    sinks: tuple[Sink, ...], entries: tuple[Entry, ...], targets: list[tuple[PurePosixPath, ...]]
) -> None:
    makers: dict[str, list[tuple[Path, Entry]]] = defaultdict(list)
    for number, sink in enumerate(sinks):
        folder, plain = _resolved(sink.folder()), ignores_case(sink.folder())
        for entry, each in zip(entries, targets, strict=True):
            path = str(folder / each[number])
            makers[unicodedata.normalize("NFC", path).casefold() if plain else path].append(
                (sink.folder() / each[number], entry)
            )
    taken = {found[0][0]: [entry for _, entry in found] for found in makers.values() if len(found) > 1}
    if taken:
        lines = [f"  {path} <- {', '.join(str(e.relative) for e in found[:3])}" for path, found in taken.items()]
        raise PlanError(
            f"{len(taken)} output files would be written more than once; give the name template of the write step "
            "another field, such as {relpath}, {ext} or {index}:\n" + _some(lines)
        )


def ignores_case(folder: Path) -> bool:
    """Whether names that differ in case alone are one file there, as far as the folder's own name can tell."""
    here = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    other = here.with_name(here.name.swapcase()) if here.name else here
    return other.name != here.name and other.is_dir() and other.samefile(here)


def _decide(
    pipeline: Pipeline, entries: tuple[Entry, ...], targets: list[tuple[PurePosixPath, ...]], recipe: Recipe
) -> tuple[Job, ...]:
    sinks = pipeline.sinks
    ledgers = {folder: Ledger(folder / STATE) for folder in {sink.folder() for sink in sinks}}
    foreign = [f"  {path}" for path in _foreign_reports(pipeline.main_sink)]
    jobs = []
    for entry, each in zip(entries, targets, strict=True):
        reasons = []
        for number, (sink, target) in enumerate(zip(sinks, each, strict=True)):
            ledger, path = ledgers[sink.folder()], sink.folder() / target
            exists, ours = os.path.lexists(path), str(target) in ledger.known
            if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ours)):
                foreign.append(f"  {path}")
            why = partial(ledger.why, entry, str(number), target, recipe, sink.folder())
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
