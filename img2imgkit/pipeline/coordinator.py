"""The coordinator of a run passes jobs to an executor and moves the resulting files into place.

Only the coordinator holds the output folders' locks and ledgers. Syncing and renaming have their own threads, so that
neither the executor nor the watcher waits for the disk.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from img2imgkit.errors import EncodeError, ImageError, LockError
from img2imgkit.item import Entry
from img2imgkit.pipeline.executor import Done, Executor, Outcome, Result, Staged, Watcher
from img2imgkit.pipeline.jobs import Job
from img2imgkit.pipeline.ledger import Ledger
from img2imgkit.pipeline.output_folder import OutputFolder, PlacedFile, folder_of, unstage
from img2imgkit.pipeline.plan import Plan
from img2imgkit.pipeline.variants import fields_before_sinks, restricted_to
from img2imgkit.step import Sink

PLACING = 4  # threads that sync and rename, and jobs that can wait for them


def run(
    plan: Plan,
    executor: Executor,
    watcher: Watcher,
    *,
    fail_fast: bool = False,
    stop: threading.Event | None = None,
) -> Result:
    """Run a plan, then close the executor. A picture that fails is an outcome, not an error.

    Args:
        fail_fast: start no new item after the first failure
        stop: once set, items in flight are finished and no new item starts

    Raises:
        LockError: another run is using an output folder, a folder that it is in, or one below it; or an output folder
            was moved or replaced during the run.
        PlanError: an output folder cannot be written.
        ToolkitError: a step cannot be opened, for example because a bundle is damaged.
    """
    began = time.monotonic()
    made: dict[Entry, Outcome] = {}
    with ExitStack() as stack:
        with ExitStack() as refused:
            refused.callback(executor.close)
            folders = _locked(plan.pipeline.sinks, stack)
            refused.pop_all()
        stack.callback(executor.close)  # before the folders are unlocked: it may still be staging files
        coordinator = stack.enter_context(_Coordinator(plan, folders, stop or threading.Event(), fail_fast))
        watcher.started(plan.jobs.to_make_count + plan.jobs.to_fail_count, plan.jobs.up_to_date_count)
        for outcome in coordinator.planned_failures():
            made[outcome.entry] = outcome
            watcher.finished(outcome)
        if plan.moved:
            coordinator.record_moves()
        if plan.jobs.to_make_count:
            for outcome in stack.enter_context(closing(coordinator.outcomes(executor))):
                made[outcome.entry] = outcome
                watcher.finished(outcome)
        devices = executor.devices()
    outcomes = tuple(made.get(job.entry) or _untouched(job) for job in plan.jobs)
    skipped = tuple(Outcome(job.entry, "skipped", job.reason) for job in plan.skipped)
    return Result((*outcomes, *skipped), coordinator.interrupted, time.monotonic() - began, devices)


def _locked(sinks: Sequence[Sink], stack: ExitStack) -> dict[Path, OutputFolder]:
    """Lock the sinks' folders, each once even if the sinks use different paths to it."""
    held: dict[Path, OutputFolder] = {}
    for folder in map(folder_of, sinks):
        place = folder.resolve()
        if place not in held:
            held[place] = stack.enter_context(OutputFolder(folder))
        held.setdefault(folder, held[place])
    own = {folder.identity() for folder in held.values()}
    for folder_held in held.values():
        folder_held.prove_alone(own)
    return held


def _untouched(job: Job) -> Outcome:
    return Outcome(job.entry, "not reached", job.reason) if job.reason else Outcome(job.entry, "up to date")


class _Coordinator:
    """Maintains the ledgers of one run. A context manager: it closes the ledgers at the end."""

    def __init__(self, plan: Plan, folders: dict[Path, OutputFolder], stop: threading.Event, fail_fast: bool) -> None:
        self._plan, self._sinks, self._stop, self._fail_fast = plan, plan.pipeline.sinks, stop, fail_fast
        self._failed_fast = False
        self._lost: LockError | None = None
        self._folders = [folders[folder_of(sink)] for sink in self._sinks]
        self._ledgers = {held: Ledger(held.state) for held in folders.values()}
        self._fields = list(fields_before_sinks(plan.pipeline.stages))
        self._claiming = threading.Lock()
        self._claimed: dict[Path, tuple[Entry, int]] = {}
        self._pending = threading.Semaphore(PLACING)
        self._placers = ThreadPoolExecutor(PLACING, "placing")
        self._ended: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()

    def __enter__(self) -> _Coordinator:
        return self

    def __exit__(self, *raised: object) -> None:
        for ledger in self._ledgers.values():
            ledger.close()

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped from outside."""
        return self._stop.is_set() and not self._failed_fast

    def planned_failures(self) -> Iterator[Outcome]:
        """Yield the outcomes of the jobs that are known to fail."""
        for job in self._plan.jobs.to_fail():
            outcome = Outcome(job.entry, "failed", job.problem)
            self._check_failure(outcome)
            yield outcome

    def record_moves(self) -> None:
        """Record the present locations of inputs whose outputs are up to date, if the disk has space."""
        resuming = [number for number, sink in enumerate(self._sinks) if sink.if_exists == "resume"]
        for job in self._plan.jobs:
            for number in resuming:
                if not job.reason and job.targets[number] is not None:
                    ledger = self._ledgers[self._folders[number]]
                    with suppress(OSError):
                        ledger.move(restricted_to(job.entry, self._fields[number]), str(number))

    def outcomes(self, executor: Executor) -> Generator[Outcome, None, None]:
        """Yield each outcome as soon as the job's files are in place or the job has failed."""
        for ledger in self._ledgers.values():
            for recipe in self._plan.recipes.known:
                ledger.begin(recipe)
        placing = threading.Thread(target=self._place_all, args=(executor,), name="coordinator", daemon=True)
        placing.start()
        try:
            while (ended := self._next()) is not None:
                if isinstance(ended, BaseException):
                    raise ended
                yield ended
        except BaseException:
            self._stop.set()  # the caller gives up: items in flight are finished
            raise
        finally:
            placing.join()

    def _next(self) -> Outcome | BaseException | None:
        while True:
            with suppress(queue.Empty):  # a timeout, so that signals are handled
                return self._ended.get(timeout=0.1)

    def _place_all(self, executor: Executor) -> None:
        """Place all files that the executor returns; then report the end, or the error."""
        error: BaseException | None = None
        try:
            for done in executor.run(self._plan.jobs.to_make(), self._stop):
                self._check_failure(done.outcome)
                self._pending.acquire()
                self._placers.submit(self._end, done)
        except BaseException as raised:
            error = raised
        self._placers.shutdown()
        self._ended.put(error or self._lost)

    def _end(self, done: Done) -> None:
        outcome = self._placed(done)
        self._check_failure(outcome)
        self._ended.put(outcome)
        self._pending.release()

    def _check_failure(self, outcome: Outcome) -> None:
        if outcome.status == "failed" and self._fail_fast and not self._stop.is_set():
            self._failed_fast = True
            self._stop.set()

    def _placed(self, done: Done) -> Outcome:
        """Place a job's files and return its final outcome."""
        outputs: list[dict[str, Any]] = []
        notes, seconds = dict(done.outcome.notes), dict(done.outcome.seconds)
        status, reason = done.outcome.status, done.outcome.reason
        try:
            if status == "failed":  # perhaps because a folder is gone, and then all others would fail, too
                for held in self._folders:
                    held.prove_held()
            for staged in done.staged:
                began = time.monotonic()
                self._place(done.job, staged, outputs, notes)
                name = self._sinks[staged.sink].name
                seconds[name] = round(seconds.get(name, 0.0) + time.monotonic() - began, 4)
        except ImageError as error:
            status, reason = "failed", str(error)
        except LockError as error:  # nothing more may be written there
            status, reason = "failed", str(error)
            self._lost = error
            self._stop.set()
        except BaseException as error:  # a third-party executor may return anything
            status, reason = "failed", f"its files could not be moved into place: {type(error).__name__}: {error}"
            notes["trace"] = traceback.format_exc(limit=-4)
        for staged in done.staged:
            unstage(staged.file)  # whatever has not been renamed
        return replace(done.outcome, status=status, reason=reason, seconds=seconds, outputs=tuple(outputs), notes=notes)

    def _place(self, job: Job, staged: Staged, outputs: list[dict[str, Any]], notes: dict[str, Any]) -> None:
        number, held = staged.sink, self._folders[staged.sink]
        planned = job.targets[number]
        assert planned is not None, "another job writes this target"
        entry = restricted_to(job.entry, self._fields[number])
        if not self._claim(number, staged, entry):
            notes["left"] = f"kept a file that already existed: {staged.target}"
            return
        written = held.place(staged.file, staged.target, self._recorder(entry, number, planned))
        notes |= staged.notes
        path = str(folder_of(self._sinks[number]) / staged.target)
        output = {"sink": number, "path": path, "bytes": written.size, "sha256": written.sha256}
        outputs.append({**output, **staged.picture})

    def _recorder(self, entry: Entry, number: int, planned: Any) -> Callable[[PlacedFile], None]:
        ledger, recipe = self._ledgers[self._folders[number]], self._plan.recipes.of(entry)
        return lambda written: ledger.add(entry, str(number), planned, recipe, written)

    def _claim(self, number: int, staged: Staged, entry: Entry) -> bool:
        """Check a final name, which may depend on the picture: no other item uses it, and no foreign file exists there.

        Returns False if a file exists and must be kept.
        """
        sink, held = self._sinks[number], self._folders[number]
        path = held.folder / staged.target
        with self._claiming:
            other = self._claimed.setdefault(path, (entry, number))
        if other != (entry, number):
            raise EncodeError(f"{path}: already written for {other[0].title}; add a field to the name template")
        exists, ours = os.path.lexists(path), self._ledgers[held].knows(str(staged.target))
        if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ours)):
            why = "if_exists is error" if ours else "it was not written by this tool; see if_exists"
            raise EncodeError(f"{path}: already exists, and {why}")
        return not (exists and sink.if_exists == "skip")
