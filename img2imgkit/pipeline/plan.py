"""Plans: everything a run will do, resolved and checked before a picture is decoded or a folder is created."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from img2imgkit.catalog import Catalog
from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.collisions import SHOWN, Collisions, shown_lines
from img2imgkit.pipeline.jobs import Job, Jobs, Targets
from img2imgkit.pipeline.ledger import Ledger
from img2imgkit.pipeline.limits import Limits
from img2imgkit.pipeline.output_folder import folder_of
from img2imgkit.pipeline.overlap import Overlap
from img2imgkit.pipeline.own_files import STATE, Ways, foreign_reports, prove_free_above, prove_own_files
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.pipeline.preparing import Tell, prepare
from img2imgkit.pipeline.recipe import Recipe, Recipes
from img2imgkit.pipeline.variants import (
    Variant,
    Variants,
    fields_before_sinks,
    restricted_to,
    with_variants,
)
from img2imgkit.pipeline.workload import Workload
from img2imgkit.step import Resources, Sink, Source, Transform


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        jobs: one for each output, in the source's order
        skipped: pictures that the source leaves out, with the reason and without targets
        ignored: the number of files the source ignored, by reason
        recipes: the recipes of the outputs
        moved: whether inputs of outputs that are up to date are at other locations than before
    """

    pipeline: Pipeline
    jobs: Jobs
    skipped: Jobs
    ignored: Mapping[str, int]
    recipes: Recipes
    moved: bool = False

    def reasons(self) -> Mapping[str, int]:
        """Return the number of jobs by reason, or by problem; "up to date" for those that are done."""
        return dict(Counter(job.problem or job.reason or "up to date" for job in self.jobs))


def make_plan(
    pipeline: Pipeline,
    catalog: Catalog,
    limit: int | None = None,
    resources: Resources | None = None,
    *,
    dry: bool = False,
    tell: Tell = lambda line: None,
) -> Plan:
    """Plan a pipeline: prepare its steps, find its entries, compare its outputs with the ledgers, in bounded memory.

    Args:
        limit: the maximum number of pictures; each has all its variants
        resources: those of the executor
        dry: see ``prepare``
        tell: see ``prepare``

    Raises:
        ConfigError: a step's options are invalid, for example an unknown template field.
        PlanError: the run would overwrite or mix up files: targets collide or exist, or outputs are inside the input.
        LockError: another run is using a folder that an output folder is in, or one below it with outputs of this run.
    """
    work = Workload(pipeline, limit)
    return plan_prepared(pipeline, prepare(pipeline, catalog, resources, work=work, dry=dry, tell=tell), limit)


def plan_prepared(
    pipeline: Pipeline,
    variants: Variants,
    limit: int | None = None,
    accepts: Callable[[Entry], bool] = lambda entry: True,
) -> Plan:
    """Plan a prepared pipeline; see ``make_plan``.

    Args:
        variants: returned by ``prepare``
        accepts: whether an entry is part of the plan
    """
    ignored: Counter[str] = Counter()
    stream = pipeline.source.find(ignored)
    skipped = Jobs()
    found = islice(_not_skipped(pipeline.source, filter(accepts, stream), skipped), limit)
    jobs, recipes, limits = Jobs(), Recipes(pipeline.uses), Limits(pipeline)
    with closing(_Checks(pipeline)) as checks:
        for entry, targets in _targets(pipeline, with_variants(found, variants) if variants else found):
            reason = checks.reason(entry, targets, recipes)
            problem = limits.problem(entry, targets) if reason else ""
            checks.add(jobs.add(Job(entry, targets, reason, problem)), targets, bool(reason and not problem))
        for _ in stream:  # beyond the limit, to count all ignored files
            pass
        checks.check(jobs)
    return Plan(pipeline, jobs, skipped, dict(ignored), recipes, checks.moved)


def _not_skipped(source: Source, entries: Iterable[Entry], skipped: Jobs) -> Iterator[Entry]:
    """Yield the entries that the source does not leave out, and collect the others."""
    for entry in entries:
        if reason := source.reason_to_skip(entry):
            skipped.add(Job(entry, (), reason))
        else:
            yield entry


def forecasts(pipeline: Pipeline, entry: Entry) -> str:
    """Return what the steps of a prepared pipeline say about an entry because of its size, as far as it is known."""
    transforms = [step for step in pipeline.stages if isinstance(step, Transform)]
    if not any(step.has_forecast for step in transforms):
        return ""
    size, found = pipeline.source.size(entry), list[str]()
    for step in transforms:
        if size is None:
            return "; ".join([*found, "the size is unknown"])
        if step.has_forecast:
            found.append(step.forecast(*size))
        size = step.output_size(*size)
    return "; ".join(found)


def _targets(pipeline: Pipeline, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Targets]]:
    """Yield the targets of each entry; None if an earlier entry has the same variant from the sink's point of view."""
    fields = list(fields_before_sinks(pipeline.stages))
    seen: set[tuple[int, Variant]] = set()
    index = -1
    for entry in entries:
        if entry.index != index:  # the variants of one picture are adjacent
            seen.clear()
            index = entry.index
        targets: list[PurePosixPath | None] = []
        for number, sink in enumerate(pipeline.sinks):
            variant = restricted_to(entry, fields[number]).variant
            targets.append(None if (number, variant) in seen else sink.target(entry))
            if variant != entry.variant:  # otherwise no other entry can have it
                seen.add((number, variant))
        yield entry, tuple(targets)


class _Checks:
    """Collects the targets of all jobs and checks that running them would not overwrite or mix up files."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._sinks = pipeline.sinks
        self._folders = [folder_of(sink) for sink in self._sinks]
        self._starts = [os.path.join(folder, "") for folder in self._folders]  # noqa: PTH118 - Paths cost seconds
        self._overlaps = list[Overlap]()
        for sink, folder in zip(self._sinks, self._folders, strict=True):
            prove_own_files(folder, sink is pipeline.main_sink)
            self._overlaps.append(Overlap(pipeline.source, sink, folder))  # first, because it refuses unusable names
            prove_free_above(folder)
        self._collisions = Collisions(self._sinks)
        self._ledgers = {folder: Ledger(folder / STATE) for folder in self._folders}
        self._fields = list(fields_before_sinks(pipeline.stages))
        self._ways = Ways()
        main = pipeline.main_sink
        self._foreign = [f"  {path}" for path in foreign_reports(folder_of(main)) if main.if_exists != "overwrite"]
        self._foreign_count = len(self._foreign)
        self.moved = False

    def reason(self, entry: Entry, targets: Targets, recipes: Recipes) -> str:
        """Return why an entry's outputs must be made, or "" if all are up to date."""
        found = ""
        for number, (sink, folder, target) in enumerate(zip(self._sinks, self._folders, targets, strict=True)):
            if target is None:
                continue
            ledger, path = self._ledgers[folder], f"{self._starts[number]}{target}"
            exists = os.path.lexists(path)
            if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ledger.knows(str(target)))):
                self._foreign_count += 1
                self._foreign += [f"  {path}"] if len(self._foreign) < SHOWN else []
            own = restricted_to(entry, self._fields[number])
            found = found or _reason(
                sink, exists, partial(self._outdated, ledger, own, number, target, recipes.of(own))
            )
        return found

    def _outdated(self, ledger: Ledger, entry: Entry, number: int, target: PurePosixPath, recipe: Recipe) -> str:
        record = ledger.latest(entry, str(number))
        reason = ledger.reason(record, entry, target, recipe, self._folders[number])
        self.moved |= not reason and record is not None and record.location != entry.location
        return reason

    def add(self, job: int, targets: Targets, writes: bool) -> None:
        """Add a job's targets. Raises LockError if it ``writes`` to a folder that another run is using."""
        for number, target in enumerate(targets):
            if target is not None:
                self._ways.check(self._folders[number], target)
                if writes:
                    self._ways.prove_free(self._folders[number], target)
                self._overlaps[number].add(target)
                self._collisions.add(job, number, target)

    def check(self, jobs: Jobs) -> None:
        """Raises PlanError if the run would overwrite or mix up files."""
        for overlap in self._overlaps:
            overlap.check()
        self._collisions.check(jobs)
        if self._foreign:
            raise PlanError(
                f"{self._foreign_count} output files already exist and were not written by this tool; set if_exists of "
                "the write step to overwrite or skip, or choose another output folder:\n"
                + shown_lines(self._foreign, self._foreign_count)
            )

    def close(self) -> None:
        """Close the ledgers."""
        for ledger in self._ledgers.values():
            ledger.close()


def _reason(sink: Sink, exists: bool, outdated: Callable[[], str]) -> str:
    if sink.if_exists == "overwrite":
        return "if_exists is overwrite"
    if sink.if_exists == "skip":
        return "" if exists else "new"
    return outdated()
