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
from typing import Any

from img2imgkit.errors import EncodeError, ImageError, ToolkitError
from img2imgkit.pipeline.folder import OutputFolder, PlacedFile
from img2imgkit.pipeline.ledger import Ledger
from img2imgkit.pipeline.loading import Loader, an_item
from img2imgkit.pipeline.outcome import Outcome, Result, Status, Watcher, described
from img2imgkit.pipeline.plan import Job, Plan
from img2imgkit.pipeline.thumbnails import Thumbnails
from img2imgkit.pipeline.variants import as_seen, fields_before_sinks
from img2imgkit.step import Entry, Item, Rendering, Resources, Sink, Step, Transform


@dataclass
class _Flight:
    """An item on its way, and what to report of it."""

    job: Job
    item: Item | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    rendered: list[tuple[Sink, Rendering, dict[str, Any]]] = field(default_factory=list)
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
        PlanError: an output folder cannot be written.
        ToolkitError: a step cannot be opened, such as a damaged bundle.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        folders = _held(plan.pipeline.sinks, stack)
        engine = _Engine(plan, folders, threads or os.cpu_count() or 1, stop or threading.Event(), fail_fast)
        stack.callback(engine.close)
        watcher.started(len(plan.to_make), len(plan.jobs) - len(plan.to_make))
        made = {}
        if plan.to_make:
            for outcome in engine.outcomes(resources):
                made[outcome.entry] = outcome
                watcher.finished(outcome)
        devices = sorted({name for use in plan.pipeline.uses for name in use.step.devices()})
    outcomes = tuple(made.get(job.entry) or _untouched(job) for job in plan.jobs)
    interrupted = engine.stop.is_set() and not engine.failed_fast
    return Result(outcomes, interrupted, time.monotonic() - began, tuple(devices))


def _held(sinks: Sequence[Sink], stack: ExitStack) -> dict[Path, OutputFolder]:
    """The sinks' folders, each held once, under whatever names the sinks call it."""
    held: dict[Path, OutputFolder] = {}
    for sink in sinks:
        folder, place = sink.folder(), sink.folder().resolve()
        if place not in held:
            held[place] = stack.enter_context(OutputFolder(folder))
        held.setdefault(folder, held[place])
    return held


def _untouched(job: Job) -> Outcome:
    return Outcome(job.entry, "not reached", job.reason) if job.reason else Outcome(job.entry, "up to date")


class _Engine:
    def __init__(
        self, plan: Plan, folders: dict[Path, OutputFolder], threads: int, stop: threading.Event, fail_fast: bool
    ) -> None:
        self.plan, self.folders, self.stop, self.fail_fast = plan, folders, stop, fail_fast
        self.failed_fast = False
        self.ledgers = {held: Ledger(held.state) for held in folders.values()}
        self.thumbnails = Thumbnails(folders[plan.pipeline.main_sink.folder()].state)
        self.segments = list(_segments(plan))
        self.told = list(fields_before_sinks(plan.pipeline.stages))
        self.loader = Loader(plan.pipeline.source, (job.entry for job in plan.to_make))
        self.slots = threading.Semaphore(threads + 2)
        self.ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.placing = threading.Lock()
        self.placed: dict[Path, tuple[Entry, str]] = {}
        self.broken: ToolkitError | None = None
        self.lanes = {"cpu": ThreadPoolExecutor(threads, "cpu"), "model": ThreadPoolExecutor(1, "model")}

    def outcomes(self, resources: Resources) -> Iterator[Outcome]:
        """Outcomes in the order in which items end."""
        for ledger in self.ledgers.values():
            for recipe in self.plan.recipes.known:
                ledger.begin(recipe)
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
            with suppress(Exception):  # everything is in its place: that must not cost the report
                use.step.close()
        for ledger in self.ledgers.values():
            ledger.close()

    def _open(self, resources: Resources) -> Future[None]:
        """Open every step; those of the model lane in its thread, while the first pictures are decoded."""
        steps: list[Step] = [use.step for use in self.plan.pipeline.uses]
        ours = [step for step in steps if isinstance(step, Transform) and step.lane == "model"]
        for step in steps:
            if step not in ours:
                _open(step, resources)
        return self.lanes["model"].submit(self._open_models, ours, resources)

    def _open_models(self, steps: Sequence[Step], resources: Resources) -> None:
        try:
            for step in steps:
                _open(step, resources)
        except ToolkitError as error:
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
            self._end(flight, "failed", f"out of memory in step {step.name!r}; run with fewer jobs or smaller tiles")
        except BaseException as error:  # SystemExit too: an item that never ends would hang the run
            flight.notes["trace"] = traceback.format_exc(limit=-4)
            self._end(flight, "failed", f"step {step.name!r} broke: {type(error).__name__}: {error}")
        else:
            if number + 1 < len(self.segments):
                self._submit(flight, number + 1)
            else:
                self._end(flight, "done", flight.job.reason)

    def _take(self, step: Step, flight: _Flight) -> None:
        if step is self.plan.pipeline.source:
            flight.item = self.loader.load(flight.job.entry)
            flight.before = described(flight.item.original)
            return
        assert flight.item is not None
        if isinstance(step, Transform):
            flight.item = an_item(step.apply(flight.item))
        elif isinstance(step, Sink):
            if flight.job.targets[self.plan.pipeline.sinks.index(step)] is not None:
                flight.rendered.append((step, step.render(flight.item), described(flight.item.picture)))
            if step is self.plan.pipeline.main_sink:
                self.thumbnails.make(flight.item)
            if step is self.plan.pipeline.sinks[-1]:  # only now: a picture that fails has no output at all
                for rendered in flight.rendered:
                    self._write(flight, *rendered)

    def _write(self, flight: _Flight, sink: Sink, rendering: Rendering, picture: dict[str, Any]) -> None:
        held, number = self.folders[sink.folder()], self.plan.pipeline.sinks.index(sink)
        ledger, planned = self.ledgers[held], flight.job.targets[number]
        assert planned is not None, "another job writes it"
        entry = as_seen(flight.job.entry, self.told[number])
        if not self._claim(sink, held, rendering.target, (entry, str(number))):
            flight.notes["left"] = f"{rendering.target} was there already"
            return

        def record(written: PlacedFile) -> None:
            ledger.add(entry, str(number), planned, self.plan.recipes.of(entry), written)

        written = held.place(rendering.target, rendering.data, record)
        flight.notes |= rendering.notes
        path = str(sink.folder() / rendering.target)
        said = {"sink": number, "path": path, "bytes": written.size, "sha256": written.sha256}
        flight.outputs.append({**said, **picture})

    def _claim(self, sink: Sink, held: OutputFolder, target: PurePosixPath, maker: tuple[Entry, str]) -> bool:
        """A last check for names that only the picture completes: no two items, no file that is not ours.

        False: a file is there, and is to be left.
        """
        path = held.folder / target
        with self.placing:
            other = self.placed.setdefault(path, maker)
        if other != maker:
            raise EncodeError(f"{path}: {other[0].title} has been written there; give the name template another field")
        exists, ours = os.path.lexists(path), str(target) in self.ledgers[held].known
        if exists and (sink.if_exists == "error" or (sink.if_exists == "resume" and not ours)):
            why = "if_exists is error" if ours else "no run of this tool made it; see if_exists"
            raise EncodeError(f"{path}: is already there, and {why}")
        return not (exists and sink.if_exists == "skip")

    def _end(self, flight: _Flight, status: Status, reason: str) -> None:
        notes = {**(flight.item.notes if flight.item else {}), **flight.notes}
        if status == "failed" and self.fail_fast and not self.stop.is_set():
            self.failed_fast = True
            self.stop.set()
        seconds = {name: round(value, 4) for name, value in flight.seconds.items()}
        flight.item, flight.rendered = None, []
        self.ended.put(Outcome(flight.job.entry, status, reason, seconds, flight.before, tuple(flight.outputs), notes))
        self.slots.release()


def _open(step: Step, resources: Resources) -> None:
    """Open a step; whatever it raises becomes an error that names it."""
    try:
        step.open(resources)
    except ToolkitError:
        raise
    except BaseException as error:
        raise ToolkitError(f"step {step.name!r} cannot be opened: {type(error).__name__}: {error}") from error


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
