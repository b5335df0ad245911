"""Timing two sides alternately, so that other processes slow both alike and their ratio is stable."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import click

WARM_UP = 2  # calls that are not timed, because they compile

Call = Callable[[], object]


def seconds(call: Call, calls: int = 1) -> float:
    """Return the mean time of a call."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median over the rounds of ``other / one``: how many times as fast the first side is."""
    return statistics.median(b / a for a, b in zip(one, other, strict=True))


def in_processes(sides: Mapping[str, Callable[[], Call]], calls: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds per call of each side, round by round.

    Each side is a separate process that sleeps while another one works. Its value must be picklable, and creates the
    timed call inside the process.

    Raises:
        click.ClickException: a side's process ended; its output is on stderr.
    """
    started = {name: _Side(name, make, calls) for name, make in sides.items()}
    try:
        for side in started.values():
            side.answer()  # built and warm
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in started.items():
                found[name].append(side.time())
        return found
    finally:
        for side in started.values():
            side.stop()


class _Side:
    """The parent's handle of one process."""

    def __init__(self, name: str, make: Callable[[], Call], calls: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._pipe, other_end = context.Pipe()
        self._process: BaseProcess = context.Process(target=_work, args=(make, calls, other_end), daemon=True)
        self._process.start()
        other_end.close()  # the child has the only other end, so that its death closes the pipe

    def time(self) -> float:
        try:
            self._pipe.send(None)
        except OSError:
            raise self._died() from None
        return self.answer()

    def answer(self) -> float:
        try:
            return float(self._pipe.recv())
        except (EOFError, OSError):
            raise self._died() from None

    def stop(self) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def _died(self) -> click.ClickException:
        self._process.join()
        return click.ClickException(
            f"the process of {self._name!r} ended with exit code {self._process.exitcode}; its error is printed above"
        )


def _work(make: Callable[[], Call], calls: int, pipe: Connection) -> None:
    """In the child: build, warm up, and time one round per message until the parent closes the pipe."""
    call = make()
    pipe.send(seconds(call, WARM_UP))
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        pipe.send(seconds(call, calls))
