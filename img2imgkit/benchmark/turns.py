"""Processes that take turns, so that other work on the machine slows all alike and their ratios are stable."""

from __future__ import annotations

import multiprocessing
import re
import signal
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from img2imgkit.errors import BenchmarkError
from img2imgkit.files import read_text

if sys.platform != "win32":
    from multiprocessing import resource_tracker

WARM_UP = 2  # calls that are not timed, because they compile
PATIENCE = 10.0  # seconds in which processes end by themselves, and remove what they leave in the system

Call = Callable[[], object]
Clock = Literal["perf_counter", "process_time"]  # the time that passes, or that of the process on all processors
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Extent:
    """How long each side is timed in a round: for a number of calls, or for as many as take some seconds."""

    calls: int = 1
    seconds: float = 0.0
    clock: Clock = "perf_counter"


@dataclass(frozen=True)
class Timing:
    """What one side measured.

    Attributes:
        seconds: of a call, the mean of each round
        peak_bytes: the largest resident memory that its process had; None: the system does not tell
        failure: "", or why it failed
    """

    seconds: tuple[float, ...]
    peak_bytes: int | None = None
    failure: str = ""


def seconds(call: Call, calls: int = 1, clock: Clock = "perf_counter") -> float:
    """Return the mean time of a call."""
    now: Callable[[], float] = getattr(time, clock)
    began = now()
    for _ in range(calls):
        call()
    return (now() - began) / calls


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median over the rounds of ``other / one``: how many times as fast the first side is."""
    return statistics.median(b / a for a, b in zip(one, other, strict=True))


def in_processes(
    sides: Mapping[str, Callable[[], Call]], calls: int, rounds: int, clock: Clock = "perf_counter"
) -> dict[str, list[float]]:
    """Return the seconds per call of each side, round by round.

    Raises:
        BenchmarkError: a side failed, or its process ended.
    """
    found = timed(sides, rounds, Extent(calls, clock=clock), tolerant=False)
    return {name: list(timing.seconds) for name, timing in found.items()}


def timed(
    sides: Mapping[str, Callable[[], Call]], rounds: int, extent: Extent, tolerant: bool = True
) -> dict[str, Timing]:
    """Time sides alternately.

    Each side is a separate process that sleeps while another one works, and shares no thread and no memory with it. Its
    value must be picklable, and creates the timed call inside the process. All processes end with this function, also
    by Ctrl-C, which reaches this process only.

    Args:
        tolerant: whether the others go on without a side that failed

    Raises:
        BenchmarkError: a side failed, or its process ended, and ``tolerant`` is False.
    """
    started: dict[str, _Side] = {}
    patience = 0.0
    try:
        for name, make in sides.items():
            started[name] = _Side(make, extent)
        for number in range(rounds + 1):  # in the first one each is built and warm
            for name, side in started.items():
                side.take_turn(asked=number > 0)
                if side.failure and not tolerant:
                    raise BenchmarkError(f"{name}: {side.failure}")
        patience = PATIENCE
        return {name: side.timing for name, side in started.items()}
    finally:
        ends = time.monotonic() + patience
        for side in started.values():
            side.close()
        for side in started.values():
            side.end(max(0.0, ends - time.monotonic()))


def peak_bytes() -> int | None:
    """The largest resident memory that this process has had; None if the system does not tell."""
    try:
        match = re.search(r"^VmHWM:\s+(\d+) kB", read_text(_STATUS, 1 << 20), re.MULTILINE)
        return int(match[1]) << 10 if match else None
    except OSError:  # not Linux
        if sys.platform == "win32":
            return None
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


class _Side:
    """The parent's handle of one process."""

    def __init__(self, make: Callable[[], Call], extent: Extent) -> None:
        context = multiprocessing.get_context("spawn")
        self.failure = ""
        self._seconds: list[float] = []
        self._peak: int | None = None
        self._pipe, other_end = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(make, extent, other_end), daemon=True)
        with _deaf_children():
            self._process.start()
        other_end.close()  # the child has the only other end, so that its death closes the pipe

    @property
    def timing(self) -> Timing:
        return Timing(tuple(self._seconds), self._peak, self.failure)

    def take_turn(self, asked: bool) -> None:
        """Wait until the process is warm, or ask for a round and wait for it."""
        if self.failure:
            return
        try:
            if asked:
                self._pipe.send(None)
            took, self._peak, self.failure = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            self.failure = f"its process ended with exit code {self._process.exitcode}"
        else:
            self._seconds += [took] if asked and not self.failure else []

    def close(self) -> None:
        """Ask the process to end, which it does after its round."""
        self._pipe.close()

    def end(self, patience: float) -> None:
        """End the process if it has not ended within some seconds."""
        self._process.join(patience)
        self._process.terminate()
        self._process.join()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started within it ignore Ctrl-C, which terminals send to all: their parent ends them.

    They inherit that the signal is blocked; this process receives it afterwards.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(make: Callable[[], Call], extent: Extent, pipe: Connection) -> None:
    """In the child: build, warm up, and time one round per message until the parent closes the pipe."""
    try:
        call = make()
        took = [seconds(call) for _ in range(WARM_UP)][-1]
        calls = max(extent.calls, round(extent.seconds / took)) if extent.seconds else extent.calls
        while True:
            pipe.send((took, peak_bytes(), ""))
            pipe.recv()
            took = seconds(call, calls, extent.clock)
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        reason = traceback.format_exception_only(error)[-1].strip()
        pipe.send((0.0, peak_bytes(), reason))
