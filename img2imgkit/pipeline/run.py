"""The engine: items flow through the steps, several at a time, never more than a fixed number.

Reading, transforming and writing share a pool of threads; steps of the lane "model" have one thread of their own, so a
network is busy while the pictures after it are decoded and those before it are encoded. An item holds a slot from
decoding to the end, which bounds memory whatever the number of files. Output bytes depend on neither.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from img2imgkit.errors import EncodeError, ImageError
from img2imgkit.images import Picture
from img2imgkit.pipeline.folder import OutputFolder, Written
from img2imgkit.pipeline.ledger import Ledger
from img2imgkit.pipeline.plan import Job, Plan
from img2imgkit.pipeline.thumbnails import Thumbnails
from img2imgkit.step import Entry, Item, Resources, Sink, Step, Transform

Status = Literal["done", "up to date", "failed", "not reached"]


@dataclass(frozen=True)
class Outcome:
    """What happened to one entry."""

    entry: Entry
    status: Status
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[dict[str, Any], ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What happened to all entries, in the source's order."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool
    seconds: float
    devices: tuple[str, ...] = ()  # what the steps computed on; empty when none was opened

    def count(self, status: Status) -> int:
        """How many entries ended so."""
        return sum(outcome.status == status for outcome in self.outcomes)


class Watcher(Protocol):
    """Is told of a run's progress, always from the thread that called ``run``."""

    def started(self, total: int, up_to_date: int) -> None:
        """The run begins: so many pictures to make, so many done before."""

    def finished(self, outcome: Outcome) -> None:
        """One picture is done, or has failed."""


@dataclass
class _Flight:
    """An item on its way, and what to report of it."""

    job: Job
    item: Item | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


def run(
    plan: Plan,
    resources: Resources,
    watcher: Watcher,
    *,
    threads: int | None = None,
    fail_fast: bool = False,
    stop: threading.Event | None = None,
) -> Result:
    """Carry out a plan. A picture that fails is an outcome, not an error.

    Args:
        threads: for decoding, transforming and encoding; the number of processors when None
        fail_fast: begin nothing new after the first failure
        stop: when set, items in flight are finished and nothing new begins

    Raises:
        LockError: another run holds an output folder.
        ToolkitError: a step cannot be opened, such as a damaged bundle.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        folders = {s.folder(): stack.enter_context(OutputFolder(s.folder())) for s in plan.pipeline.sinks}
        engine = _Engine(plan, folders, threads or os.cpu_count() or 1, stop or threading.Event(), fail_fast)
        stack.callback(engine.close)
        watcher.started(len(plan.to_make), len(plan.jobs) - len(plan.to_make))
        made = {}
        if plan.to_make:
            for outcome in engine.outcomes(resources):
                made[outcome.entry.index] = outcome
                watcher.finished(outcome)
        devices = sorted({name for use in plan.pipeline.uses for name in use.step.devices()})
    outcomes = tuple(made.get(job.entry.index) or _untouched(job) for job in plan.jobs)
    interrupted = engine.stop.is_set() and not engine.failed_fast
    return Result(outcomes, interrupted, time.monotonic() - began, tuple(devices))


def _untouched(job: Job) -> Outcome:
    return Outcome(job.entry, "not reached", job.reason) if job.reason else Outcome(job.entry, "up to date")


class _Engine:
    def __init__(
        self, plan: Plan, folders: dict[Path, OutputFolder], threads: int, stop: threading.Event, fail_fast: bool
    ) -> None:
        self.plan, self.folders, self.stop, self.fail_fast = plan, folders, stop, fail_fast
        self.failed_fast = False
        self.ledgers = {folder: Ledger(held.state) for folder, held in folders.items()}
        self.thumbnails = Thumbnails(folders[plan.pipeline.main_sink.folder()].state)
        self.segments = list(_segments(plan))
        self.slots = threading.Semaphore(threads + 2)
        self.ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.placing = threading.Lock()
        self.placed: dict[Path, Entry] = {}
        self.broken: BaseException | None = None
        self.lanes = {"cpu": ThreadPoolExecutor(threads, "cpu"), "model": ThreadPoolExecutor(1, "model")}

    def outcomes(self, resources: Resources) -> Iterator[Outcome]:
        """Outcomes in the order in which items end."""
        for ledger in self.ledgers.values():
            ledger.begin(self.plan.recipe)
        opening = self._open(resources)
        flying = 0
        for job in self.plan.to_make:
            while not self.slots.acquire(timeout=0.1):
                for outcome in self._drained():
                    flying -= 1
                    yield outcome
            if self.stop.is_set() or self.broken:
                self.slots.release()
                break
            flying += 1
            self._submit(_Flight(job), 0)
            for outcome in self._drained():
                flying -= 1
                yield outcome
        while flying:
            with suppress(queue.Empty):
                outcome = self.ended.get(timeout=0.1)
                flying -= 1
                yield outcome
        opening.result()
        if self.broken:
            raise self.broken

    def close(self) -> None:
        for lane in self.lanes.values():
            lane.shutdown(wait=True, cancel_futures=True)
        for use in self.plan.pipeline.uses:
            use.step.close()
        for ledger in self.ledgers.values():
            ledger.close()

    def _open(self, resources: Resources) -> Future[None]:
        """Open every step; those of the model lane in its thread, while the first pictures are decoded."""
        steps: list[Step] = [use.step for use in self.plan.pipeline.uses]
        ours = [step for step in steps if isinstance(step, Transform) and step.lane == "model"]
        for step in steps:
            if step not in ours:
                step.open(resources)
        return self.lanes["model"].submit(self._open_models, ours, resources)

    def _open_models(self, steps: Sequence[Step], resources: Resources) -> None:
        try:
            for step in steps:
                step.open(resources)
        except BaseException as error:
            self.broken = error

    def _drained(self) -> Iterator[Outcome]:
        with suppress(queue.Empty):
            while True:
                yield self.ended.get_nowait()

    def _submit(self, flight: _Flight, number: int) -> None:
        self.lanes[self.segments[number][0]].submit(self._advance, flight, number)

    def _advance(self, flight: _Flight, number: int) -> None:
        try:
            if self.broken:
                self._end(flight, "not reached", flight.job.reason)
                return
            for step in self.segments[number][1]:
                began = time.monotonic()
                self._take(step, flight)
                flight.seconds[step.name] = flight.seconds.get(step.name, 0.0) + time.monotonic() - began
        except ImageError as error:
            self._end(flight, "failed", str(error))
        except MemoryError:
            self._end(flight, "failed", f"out of memory in step {step.name!r}; run with fewer --jobs or smaller tiles")
        except Exception as error:
            flight.notes["trace"] = traceback.format_exc(limit=-4)
            self._end(flight, "failed", f"step {step.name!r} broke: {type(error).__name__}: {error}")
        else:
            if number + 1 < len(self.segments):
                self._submit(flight, number + 1)
            else:
                self._end(flight, "done", flight.job.reason)

    def _take(self, step: Step, flight: _Flight) -> None:
        if step is self.plan.pipeline.source:
            flight.item = self.plan.pipeline.source.load(flight.job.entry)
            return
        assert flight.item is not None
        if isinstance(step, Transform):
            flight.item = step.apply(flight.item)
        elif isinstance(step, Sink):
            flight.outputs.append(self._write(step, flight.item, flight.notes))
            if step is self.plan.pipeline.main_sink:
                self.thumbnails.make(flight.item)

    def _write(self, sink: Sink, item: Item, notes: dict[str, Any]) -> dict[str, Any]:
        rendering = sink.render(item)
        notes |= rendering.notes
        folder, ledger = self.folders[sink.folder()], self.ledgers[sink.folder()]
        self._claim(sink, rendering.target, item.entry, ledger)
        number = str(self.plan.pipeline.sinks.index(sink))

        def record(written: Written) -> None:
            ledger.add(item.entry, number, self.plan.recipe, written)

        written = folder.place(rendering.target, rendering.data, record)
        path = str(folder.folder / rendering.target)
        return {"path": path, "bytes": written.size, "sha256": written.sha256, **described(item.picture)}

    def _claim(self, sink: Sink, target: PurePosixPath, entry: Entry, ledger: Ledger) -> None:
        """A last check for names that only the picture completes: no two items, no file that is not ours."""
        path = sink.folder() / target
        with self.placing:
            other = self.placed.setdefault(path, entry)
        if other != entry:
            raise EncodeError(f"{path}: {other.relative} has been written there; give the name template another field")
        if sink.if_exists in ("resume", "error") and path.exists() and str(target) not in ledger.known:
            raise EncodeError(f"{path}: is already there, and no run of this tool made it; see if_exists")

    def _end(self, flight: _Flight, status: Status, reason: str) -> None:
        item = flight.item
        before = described(item.original) if item else {}
        notes = {**(item.notes if item else {}), **flight.notes}
        if status == "failed" and self.fail_fast and not self.stop.is_set():
            self.failed_fast = True
            self.stop.set()
        seconds = {name: round(value, 4) for name, value in flight.seconds.items()}
        flight.item = None
        self.ended.put(Outcome(flight.job.entry, status, reason, seconds, before, tuple(flight.outputs), notes))
        self.slots.release()


def described(picture: Picture) -> dict[str, Any]:
    """What the report says of a picture."""
    return {
        "width": picture.width,
        "height": picture.height,
        "depth": picture.depth,
        "space": picture.space,
        "alpha": picture.alpha is not None,
        "mode": picture.mode,
        "icc": picture.metadata.icc is not None,
    }


def _segments(plan: Plan) -> Iterator[tuple[str, list[Step]]]:
    """Neighbouring steps of the same lane, together: the source begins the first."""
    lane, steps = "cpu", [plan.pipeline.uses[0].step]
    for use in plan.pipeline.uses[1:]:
        its = use.step.lane if isinstance(use.step, Transform) else "cpu"
        if its != lane:
            yield lane, steps
            lane, steps = its, []
        steps.append(use.step)
    yield lane, steps
