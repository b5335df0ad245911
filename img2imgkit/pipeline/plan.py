"""A plan: everything a run will do, resolved and checked before a picture is decoded or a folder made."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError, PlanError, Problem, ToolkitError
from img2imgkit.inference import ModelFinder
from img2imgkit.item import Entry, local_path
from img2imgkit.pipeline.collisions import SHOWN, Collisions, some
from img2imgkit.pipeline.jobs import Job, Jobs, Targets
from img2imgkit.pipeline.ledger import Ledger, Recipe
from img2imgkit.pipeline.output_folder import REPORTS, STATE, folder_of, resolved
from img2imgkit.pipeline.pipeline_file import Pipeline, Use
from img2imgkit.pipeline.variants import Variant, Variants, as_seen, fields_before_sinks, new_variants, with_variants
from img2imgkit.step import Planning, Sink, Source


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
    """What a run will do.

    Attributes:
        jobs: one for each output, in the source's order
        ignored: how many files the source has left alone, by reason
        recipes: what outputs depend on
    """

    pipeline: Pipeline
    jobs: Jobs
    ignored: Mapping[str, int]
    recipes: Recipes

    def reasons(self) -> Mapping[str, int]:
        """How many jobs have which reason; "up to date" for those that are done."""
        return dict(Counter(job.reason or "up to date" for job in self.jobs))


def make_plan(pipeline: Pipeline, catalog: Catalog, limit: int | None = None) -> Plan:
    """Resolve a pipeline against what is installed and what lies in its folders, in memory that entries do not fill.

    Args:
        limit: only the first so many pictures, each with all its variants

    Raises:
        ConfigError: a step's options cannot work, such as an unknown template field.
        PlanError: the run would destroy or mix up files: targets that collide or exist, results inside the input.
    """
    variants = prepare(pipeline, catalog)
    ignored: Counter[str] = Counter()
    stream = pipeline.source.find(ignored)
    found = islice(stream, limit)
    jobs, recipes = Jobs(), Recipes(pipeline.uses)
    with closing(_Checks(pipeline)) as checks:
        for entry, targets in _targets(pipeline, with_variants(found, variants) if variants else found):
            reason = checks.reason(entry, targets, recipes)
            checks.compare(jobs.add(Job(entry, targets, reason)), targets)
        for _ in stream:  # beyond the limit: what is left alone is counted to the end
            pass
        checks.refuse(jobs)
    return Plan(pipeline, jobs, dict(ignored), recipes)


def prepare(pipeline: Pipeline, catalog: Catalog) -> Variants:
    """Prepare every step, in order, and give the variants that they make of each picture.

    Raises:
        ConfigError: everything that is wrong with the steps' options, with line and column.
        PlanError: the pipeline must not run.
    """
    facts: dict[str, str | int] = {}
    variants: dict[str, Sequence[str]] = {}
    maps: frozenset[str] = frozenset()
    problems: list[Problem] = []
    models = ModelFinder(catalog)
    for index, use in enumerate(pipeline.uses):
        try:
            sources = (pipeline.source.location(),)
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


def _targets(pipeline: Pipeline, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Targets]]:
    """Where each entry goes; None where an entry before has the same variant as far as the sink can tell."""
    fields = list(fields_before_sinks(pipeline.stages))
    seen: set[tuple[int, Variant]] = set()
    index = -1
    for entry in entries:
        if entry.index != index:  # the variants of one picture are neighbours
            seen.clear()
            index = entry.index
        targets: list[PurePosixPath | None] = []
        for number, sink in enumerate(pipeline.sinks):
            told = as_seen(entry, fields[number]).variant
            targets.append(None if (number, told) in seen else sink.target(entry))
            if told != entry.variant:  # else no other entry can have it
                seen.add((number, told))
        yield entry, tuple(targets)


class _Checks:
    """Looks at each job as it comes, and says in the end why the plan must not run, if there is a reason."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._sinks = pipeline.sinks
        self._folders = [folder_of(sink) for sink in self._sinks]
        self._overlaps = [_Overlap(pipeline.source, sink, folder)
                          for sink, folder in zip(self._sinks, self._folders, strict=True)]  # fmt: skip
        self._collisions = Collisions(self._sinks)
        self._ledgers = {folder: Ledger(folder / STATE) for folder in self._folders}
        self._fields = list(fields_before_sinks(pipeline.stages))
        self._foreign = [f"  {path}" for path in _foreign_reports(pipeline.main_sink)]
        self._foreign_count = len(self._foreign)

    def reason(self, entry: Entry, targets: Targets, recipes: Recipes) -> str:
        """Why an entry's outputs must be made; empty when all are done."""
        found = ""
        for number, (sink, folder, target) in enumerate(zip(self._sinks, self._folders, targets, strict=True)):
            if target is None:
                continue
            ledger, path = self._ledgers[folder], os.path.join(folder, target)  # noqa: PTH118 - a Path costs seconds
            exists = os.path.lexists(path)
            if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ledger.knows(str(target)))):
                self._foreign_count += 1
                self._foreign += [f"  {path}"] if len(self._foreign) < SHOWN else []
            seen = as_seen(entry, self._fields[number])
            why = partial(ledger.why, seen, str(number), target, recipes.of(seen), folder)
            found = found or _reason(sink, exists, why)
        return found

    def compare(self, job: int, targets: Targets) -> None:
        """Take note of a job's targets."""
        for number, target in enumerate(targets):
            if target is not None:
                self._overlaps[number].look_at(target)
                self._collisions.add(job, number, target)

    def refuse(self, jobs: Jobs) -> None:
        """Raises PlanError if the run would destroy or mix up files."""
        for overlap in self._overlaps:
            overlap.refuse()
        self._collisions.refuse(jobs)
        if self._foreign:
            raise PlanError(
                f"{self._foreign_count} output files are already there, and no run of this tool made them; set "
                "if_exists of the write step to overwrite or skip, or write elsewhere:\n"
                + some(self._foreign, self._foreign_count)
            )

    def close(self) -> None:
        """Let the ledgers go."""
        for ledger in self._ledgers.values():
            ledger.close()


class _Overlap:
    """Whether a second run would read the results of the first one: a sink's targets that its source would find."""

    def __init__(self, source: Source, sink: Sink, folder: Path) -> None:
        self._source, self._sink = source, sink
        self._written, self._read = resolved(folder), None
        self._found: PurePosixPath | None = None
        with suppress(ValueError):  # a URL: nothing that is written lies there
            read = resolved(local_path(source.location()))
            if read.is_relative_to(self._written) or self._written.is_relative_to(read):
                self._read = read

    def look_at(self, target: PurePosixPath) -> None:
        """Remember the first target that would be read."""
        if self._read is None or self._found is not None:
            return
        path = self._written / target
        if path.is_relative_to(self._read):
            below = path.relative_to(self._read)
            if self._source.reads(os.path.join(self._source.location(), below)):  # noqa: PTH118
                self._found = target

    def refuse(self) -> None:
        """Raises PlanError if there was one."""
        if self._found is not None:
            raise PlanError(
                f"the output folder {self._sink.location()} lies inside the input {self._source.location()}, so that "
                f"a second run would read the first one's results ({self._found}); write elsewhere, or exclude that "
                "folder in the read step"
            )


def _foreign_reports(main: Sink) -> Iterable[Path]:
    folder = folder_of(main)
    if main.if_exists != "overwrite" and not (folder / STATE).is_dir():
        yield from (path for path in (folder / name for name in REPORTS) if path.exists())


def _reason(sink: Sink, exists: bool, why: Callable[[], str]) -> str:
    if sink.if_exists == "overwrite":
        return "overwriting is asked for"
    if sink.if_exists == "skip":
        return "" if exists else "new"
    return why()
