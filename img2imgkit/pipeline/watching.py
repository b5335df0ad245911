"""Watch an input folder: run a pipeline again and again over the pictures that have appeared or changed.

The folder is listed at intervals, which works on every file system. A file is taken when its size and version have
stayed the same for some seconds, so that files that are still being copied are left alone.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.catalog import Catalog
from img2imgkit.errors import LockError, PlanError
from img2imgkit.item import Entry, local_path
from img2imgkit.pipeline.coordinator import run
from img2imgkit.pipeline.executor import Done, Executor, Outcome, Result, Watcher
from img2imgkit.pipeline.jobs import Job
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.pipeline.plan import Plan, plan_prepared
from img2imgkit.pipeline.preparing import Tell, prepare
from img2imgkit.pipeline.spill import short_key
from img2imgkit.step import Resources


class Watch:
    """The pictures of a watched pipeline: the states of the files that were taken, and what became of them.

    Attributes:
        ignored: the number of files that the source ignored when it last listed the folder, by reason
    """

    def __init__(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
        settle: float,
        resources: Resources | None = None,
        tell: Tell = lambda line: None,
    ) -> None:
        """Prepare the pipeline, and plan it once to find what is wrong.

        Args:
            settle: the seconds for which a file must stay the same
            resources: those of the executor
            tell: receives what takes seconds before the first picture

        Raises:
            ConfigError: the pipeline is invalid.
            PlanError: the pipeline must not run, or a sink would write existing outputs at each look.
        """
        for sink in pipeline.sinks:
            if sink.if_exists not in ("resume", "skip"):
                raise PlanError(
                    f"step {sink.name!r}: if_exists is {sink.if_exists}, which does not work with outputs of earlier "
                    "looks at a watched folder; set it to resume or skip"
                )
        self._pipeline, self._settle = pipeline, settle
        self._variants = prepare(pipeline, catalog, resources, tell=tell)
        self._root = _local_root(pipeline)
        self._first_seen: dict[int, float] = {}
        self._taken: dict[int, _Taken] = {}
        self._outcomes: dict[tuple[object, ...], Outcome] = {}
        self._seconds = 0.0
        self.ignored: Counter[str] = Counter()
        plan_prepared(pipeline, self._variants)

    def look(self) -> Plan | None:
        """List the folder. Return a plan if files have settled since the last plan that was run, otherwise None.

        The plan has all pictures except those that have not settled or have failed, so that it finds outputs with the
        same name.

        Raises:
            PlanError: the input folder is gone, or the plan would overwrite or mix up files.
        """
        if self._root is not None and not self._root.is_dir():
            raise PlanError(f"{self._root}: the input folder is gone")
        now, self.ignored = time.monotonic(), Counter()
        waiting, settled = dict[int, float](), set[int]()
        for entry in self._pipeline.source.find(self.ignored):
            state = _state(entry)
            if self._taken.get(_place(entry), _NOT_TAKEN).state != state:
                waiting[state] = self._first_seen.get(state, now)
                if now - waiting[state] >= self._settle:
                    settled.add(state)
        self._first_seen = waiting
        if not settled:
            return None
        return plan_prepared(self._pipeline, self._variants, accepts=lambda entry: self._is_wanted(entry, settled))

    def _is_wanted(self, entry: Entry, settled: Collection[int]) -> bool:
        state = _state(entry)
        return state in settled or self._taken.get(_place(entry)) == _Taken(state, failed=False)

    def add(self, result: Result) -> list[Outcome]:
        """Remember the outcomes of a plan, and return those of pictures that were skipped for the first time.

        A failed picture is not tried again until its file changes.
        """
        self._seconds += result.seconds
        skipped = []
        for outcome in result.outcomes:
            place, identity = _place(outcome.entry), (outcome.entry.location, outcome.entry.variant)
            before = self._outcomes.get(identity)
            if outcome.status == "skipped" and (before is None or before.reason != outcome.reason):
                skipped.append(outcome)
            if outcome.status != "up to date" or before is None:
                self._outcomes[identity] = outcome
        taken = dict[int, _Taken]()
        for outcome in result.outcomes:
            if outcome.status != "not reached":
                place = _place(outcome.entry)
                failed = outcome.status == "failed" or (place in taken and taken[place].failed)
                taken[place] = _Taken(_state(outcome.entry), failed)
        self._taken |= taken
        return skipped

    def result(self, devices: tuple[str, ...] = ()) -> Result:
        """Return the latest outcome of every picture."""
        return Result(tuple(self._outcomes.values()), False, self._seconds, devices)


def watch(
    pipeline: Pipeline,
    catalog: Catalog,
    executor: Executor,
    stop: threading.Event,
    *,
    settle: float = 2.0,
    resources: Resources | None = None,
    progress: Callable[[], AbstractContextManager[Watcher]],
    report: Callable[[Plan, Result], object],
    tell: Tell,
) -> Result:
    """Run a pipeline over new and changed pictures until ``stop`` is set; then finish those in flight.

    Args:
        executor: opened once, and closed at the end
        settle: the seconds for which a file must stay the same before it is taken
        resources: those of the executor
        progress: gives the watcher of each run
        report: receives the latest outcomes of all pictures after each run
        tell: receives what has been skipped or ignored, and problems that may pass, such as another run that uses the
            output folder

    Raises:
        ConfigError: the pipeline is invalid.
        PlanError: the pipeline must not run. Later, such problems are told, and tried again.
        ToolkitError: a step cannot be opened.
    """
    try:
        watched, kept, told = Watch(pipeline, catalog, settle, resources, tell), _Kept(executor), _Told(tell)
        while not stop.is_set():
            began = time.monotonic()
            try:
                plan = watched.look()
                pause = time.monotonic() - began  # a slow look is no reason to look all the time
                told.ignored(watched.ignored)
                if plan is not None:
                    result = _run(plan, kept, progress, stop)
                    told.skipped(watched.add(result))
                    if plan.jobs.to_make_count + plan.jobs.to_fail_count:
                        report(plan, watched.result(result.devices))
                told.no_problem()
            except (PlanError, LockError) as error:
                pause = time.monotonic() - began
                told.problem(str(error))
            stop.wait(max(pause, min(1.0, settle / 2)))
        return watched.result()
    finally:
        executor.close()


@dataclass(frozen=True)
class _Taken:
    """The state of a file when it was taken, and whether it failed."""

    state: int
    failed: bool


_NOT_TAKEN = _Taken(0, failed=False)


class _Told:
    """Tells everything once."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._problem, self._ignored = tell, "", Counter[str]()

    def problem(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._tell(f"error: {problem}; waiting")

    def no_problem(self) -> None:
        self._problem = ""

    def ignored(self, ignored: Counter[str]) -> None:
        if more := {reason: count for reason, count in ignored.items() if count > self._ignored[reason]}:
            self._ignored |= ignored
            self._tell(f"ignored: {', '.join(f'{count} {reason}' for reason, count in more.items())}")

    def skipped(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._tell(f"skipped: {outcome.entry.title}: {outcome.reason}")


def _run(
    plan: Plan, executor: Executor, progress: Callable[[], AbstractContextManager[Watcher]], stop: threading.Event
) -> Result:
    if not (plan.jobs.to_make_count + plan.jobs.to_fail_count or plan.moved):
        return run(plan, executor, _Silent(), stop=stop)
    with progress() as watcher:
        return run(plan, executor, watcher, stop=stop)


class _Kept(Executor):
    """An executor that stays open from run to run."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        return self._executor.run(jobs, stop)

    def devices(self) -> tuple[str, ...]:
        return self._executor.devices()


class _Silent:
    """A watcher of runs that have nothing to do."""

    def started(self, total: int, up_to_date: int) -> None:
        pass

    def finished(self, outcome: Outcome) -> None:
        pass


def _place(entry: Entry) -> int:
    return short_key(entry.location)


def _state(entry: Entry) -> int:
    return short_key(entry.location, str(entry.size), entry.version)


def _local_root(pipeline: Pipeline) -> Path | None:
    try:
        return local_path(pipeline.source.location())
    except ValueError:
        return None
