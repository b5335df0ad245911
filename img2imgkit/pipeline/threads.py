"""The executor that uses threads of this process, with a fixed maximum number of items in flight.

Reading, transforming and rendering share a thread pool. Steps in the lane "model" run in a single thread, or in as many
as they allow, so the network is busy while the next pictures are decoded and the previous ones are encoded. An item
occupies a slot from decoding until its files are staged, which bounds memory for any number of files. Output bytes
depend on neither threads nor slots.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from img2imgkit.errors import ImageError, ToolkitError
from img2imgkit.item import Item
from img2imgkit.pipeline.executor import Done, Executor, Outcome, Staged, Status, described
from img2imgkit.pipeline.jobs import Job
from img2imgkit.pipeline.loading import Loader, checked_item
from img2imgkit.pipeline.output_folder import folder_of, stage, unstage
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.pipeline.report import Thumbnails
from img2imgkit.step import Rendering, Resources, Sink, Step, Transform


@dataclass
class _Flight:
    """An item in flight, and its data for the report."""

    job: Job
    item: Item | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    rendered: list[tuple[int, Rendering, dict[str, Any]]] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


def processors() -> int:
    """Return how many processors this process may use, possibly fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def codec_threads() -> int:
    """Return how many threads decode and encode pictures unless the user states it: one more than there are processors.

    A thread of small pictures spends a tenth of its time waiting for the disk and for Python's lock. On a CPU the model
    has its own threads, one per processor; while it is busy, the codec has little to do, so they do not slow it down.
    """
    return processors() + 1


class ThreadExecutor(Executor):
    """Runs the steps of a prepared pipeline in this process. ``run`` may be called repeatedly."""

    def __init__(self, pipeline: Pipeline, resources: Resources, threads: int | None = None) -> None:
        """Create the executor; ``run`` opens the steps.

        Args:
            threads: for decoding, transforming and encoding; None: ``codec_threads``
        """
        threads = threads or codec_threads()
        self._pipeline, self._resources = pipeline, resources
        self._segments = list(_segments(pipeline))
        self._folders = [folder_of(sink) for sink in pipeline.sinks]
        self._thumbnails = Thumbnails(folder_of(pipeline.main_sink))
        self._loader = Loader(pipeline.source)
        models = _at_once(pipeline)
        self._slots = threading.Semaphore(threads + min(models, 2) + 1)
        self._ended: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._broken: ToolkitError | None = None
        self._opening: Future[None] | None = None
        self._lanes = {"cpu": ThreadPoolExecutor(threads, "cpu"), "model": ThreadPoolExecutor(models, "model")}

    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        self._opening = self._opening or self._open()
        in_flight = 0
        for job in self._announced(jobs):
            while not self._slots.acquire(timeout=0.1):
                for done in self._drained():
                    in_flight -= 1
                    yield done
            for done in self._drained():  # before a new item starts: one of these may be the reason to stop
                in_flight -= 1
                yield done
            if stop.is_set() or self._broken:
                self._slots.release()
                break
            in_flight += 1
            self._submit(_Flight(job), 0)
        while in_flight:
            with suppress(queue.Empty):
                done = self._ended.get(timeout=0.1)
                in_flight -= 1
                yield done
        self._opening.result()
        if self._broken:
            raise self._broken

    def devices(self) -> tuple[str, ...]:
        return tuple(sorted({name for use in self._pipeline.uses for name in use.step.devices()}))

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.shutdown(wait=True, cancel_futures=True)
        for use in self._pipeline.uses:
            with suppress(Exception):  # everything is staged: an error here must not prevent the report
                use.step.close()

    def _open(self) -> Future[None]:
        """Open every step; those of the model lane in its thread, while the first pictures are being decoded."""
        steps: list[Step] = [use.step for use in self._pipeline.uses]
        models = [step for step in steps if isinstance(step, Transform) and step.lane == "model"]
        for step in steps:
            if step not in models:
                _open(step, self._resources)
        return self._lanes["model"].submit(self._open_models, models)

    def _open_models(self, steps: Sequence[Step]) -> None:
        try:
            for step in steps:
                _open(step, self._resources)
        except ToolkitError as error:
            self._broken = error

    def _announced(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Yield the jobs, telling the loader how many share a picture before the first of them starts."""
        for index, group in groupby(jobs, key=lambda job: job.entry.index):
            variants = list(group)
            self._loader.expect(index, len(variants))
            yield from variants

    def _drained(self) -> Iterator[Done]:
        with suppress(queue.Empty):
            while True:
                yield self._ended.get_nowait()

    def _submit(self, flight: _Flight, number: int) -> None:
        self._lanes[self._segments[number][0]].submit(self._advance, flight, number)

    def _advance(self, flight: _Flight, number: int) -> None:
        lane, steps = self._segments[number]
        try:
            if lane == "model" and self._opening is not None:
                self._opening.result()  # in another thread of the lane
            if self._broken:
                self._end(flight, "not reached", flight.job.reason)
                return
            for step in steps:
                began = time.monotonic()
                self._process(step, flight)
                flight.seconds[step.name] = flight.seconds.get(step.name, 0.0) + time.monotonic() - began
        except ImageError as error:
            self._end(flight, "failed", str(error))
        except MemoryError:
            self._end(flight, "failed", f"out of memory in step {step.name!r}; run with fewer jobs or smaller tiles")
        except BaseException as error:  # SystemExit too: an item that never finishes would hang the run
            flight.notes["trace"] = traceback.format_exc(limit=-4)
            self._end(flight, "failed", f"step {step.name!r} crashed: {type(error).__name__}: {error}")
        else:
            if number + 1 < len(self._segments):
                self._submit(flight, number + 1)
            else:
                self._end(flight, "done", flight.job.reason)

    def _process(self, step: Step, flight: _Flight) -> None:
        if step is self._pipeline.source:
            flight.item = self._loader.load(flight.job.entry)
            flight.before = described(flight.item.originals)
            return
        assert flight.item is not None
        if isinstance(step, Transform):
            flight.item = checked_item(step.apply_to_frames(flight.item))
        elif isinstance(step, Sink):
            number = self._pipeline.sinks.index(step)
            if flight.job.targets[number] is not None:
                flight.rendered.append((number, step.render(flight.item), described(flight.item.frames)))
            if step is self._pipeline.main_sink:
                self._thumbnails.make(flight.item)
            if step is self._pipeline.sinks[-1]:  # only now, so that a picture that fails has no output at all
                self._stage(flight)

    def _stage(self, flight: _Flight) -> None:
        for number, rendering, picture in flight.rendered:
            file = stage(self._folders[number], rendering.target, rendering.data, rendering.modified)
            flight.staged.append(Staged(number, rendering.target, file, picture, rendering.notes))

    def _end(self, flight: _Flight, status: Status, reason: str) -> None:
        notes = {**(flight.item.notes if flight.item else {}), **flight.notes}
        seconds = {name: round(value, 4) for name, value in flight.seconds.items()}
        flight.item, flight.rendered = None, []
        if status != "done":
            for staged in flight.staged:
                unstage(staged.file)
            flight.staged = []
        outcome = Outcome(flight.job.entry, status, reason, seconds, flight.before, (), notes)
        self._ended.put(Done(flight.job, outcome, tuple(flight.staged)))
        self._slots.release()


def _open(step: Step, resources: Resources) -> None:
    """Open a step; turn any exception into an error that names the step."""
    try:
        step.open(resources)
    except ToolkitError:
        raise
    except BaseException as error:
        raise ToolkitError(f"step {step.name!r} cannot be opened: {type(error).__name__}: {error}") from error


def _at_once(pipeline: Pipeline) -> int:
    """Return how many threads the lane "model" has: one for several models, which would need their memory together."""
    steps = [use.step for use in pipeline.uses if isinstance(use.step, Transform) and use.step.lane == "model"]
    return steps[0].at_once if len(steps) == 1 else 1


def _segments(pipeline: Pipeline) -> Iterator[tuple[str, list[Step]]]:
    """Group adjacent steps of the same lane; the source starts the first group."""
    lane, steps = "cpu", [pipeline.uses[0].step]
    for use in pipeline.uses[1:]:
        next_lane = use.step.lane if isinstance(use.step, Transform) else "cpu"
        if next_lane != lane:
            yield lane, steps
            lane, steps = next_lane, []
        steps.append(use.step)
    yield lane, steps
