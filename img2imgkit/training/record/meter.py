"""Figures of a log interval: mean losses, speed, and time spent waiting for data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

FINITE = "finite"


@dataclass(frozen=True)
class Figures:
    """The figures of one log interval.

    Attributes:
        terms: the mean of each term and of each player's total
        gradients, scales: by player, its gradient norm and, with float16, its loss scale
        finite: whether all losses and gradients were finite
        seconds: training time, without pauses
        steps_per_second: over this time; the first step of a run, which builds the graphs, counts only if it is alone
        input_wait: share of this time spent waiting for data
    """

    terms: Mapping[str, float]
    gradients: Mapping[str, float]
    scales: Mapping[str, float]
    finite: bool
    seconds: float
    steps_per_second: float
    input_wait: float


class Meter:
    """Collects the scalars of steps, and measures their time."""

    def __init__(self, players: Iterable[str], done: int, waited: Callable[[], float]) -> None:
        self._players, self._waited = tuple(players), waited
        self._pending: list[Mapping[str, Any]] = []
        self._since, self._began, self._waited_before = done, time.perf_counter(), waited()
        self._first = done + 1
        self._built: float | None = None  # when the first step was done

    def add(self, scalars: Mapping[str, Any]) -> None:
        """Add a step's scalars; they are not fetched from the device yet."""
        self._pending.append(scalars)
        self._built = self._built or time.perf_counter()

    def take(self, done: int) -> Figures | None:
        """Return the figures since the last call; None if there was no step."""
        if not self._pending:
            return None
        means = _means(self._pending)
        self._pending.clear()
        now, waited = time.perf_counter(), self._waited()
        seconds = max(now - self._began, 1e-9)
        wait, speed = waited - self._waited_before, self._speed(done, now)
        self._since, self._began, self._waited_before = done, now, waited
        gradients, scales = (self._own(means, figure) for figure in ("gradient", "scale"))
        finite = means.pop(FINITE) > 0.5 and all(map(math.isfinite, means.values()))  # ``finite`` covers gradients
        return Figures(means, gradients, scales, finite, seconds, speed, wait / seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time spent inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            pause = time.perf_counter() - began
            self._began += pause
            self._built = self._built and self._built + pause

    def _speed(self, done: int, now: float) -> float:
        """Return the steps per second since the last call of ``take``, without the first step if there are others."""
        since, began = self._since, self._began
        if since < self._first < done and self._built is not None:
            since, began = self._first, self._built
        return (done - since) / max(now - began, 1e-9)

    def _own(self, means: dict[str, float], figure: str) -> dict[str, float]:
        keys = {name: f"{name}_{figure}" for name in self._players}
        return {name: means.pop(key) for name, key in keys.items() if key in means}


def _means(logs: list[Mapping[str, Any]]) -> dict[str, float]:
    """Average each scalar over the steps that have it; ``finite`` is the minimum instead.

    Gradients that overflowed, as can happen in float16, are skipped; ``finite`` says whether that is an error.
    """
    names = {name: None for log in logs for name in log}
    values = {name: [float(log[name]) for log in logs if name in log] for name in names}
    for name in names:
        if name.endswith("_gradient"):
            values[name] = [value for value in values[name] if math.isfinite(value)]
    found = {name: some for name, some in values.items() if some}
    return {name: min(some) if name == FINITE else math.fsum(some) / len(some) for name, some in found.items()}
