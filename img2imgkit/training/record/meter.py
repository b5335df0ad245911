"""Figures of a training between two lines of its log: means of the losses, speed, time lost to waiting."""

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
    """The figures of one interval.

    Attributes:
        terms: mean of each term and each player's total
        gradients, scales: by player, the norm of its gradient and, with float16, its loss scale
        finite: whether every loss and gradient was
        seconds: of training alone
        steps_per_second: over these seconds
        input_wait: share of them spent waiting for data
    """

    terms: Mapping[str, float]
    gradients: Mapping[str, float]
    scales: Mapping[str, float]
    finite: bool
    seconds: float
    steps_per_second: float
    input_wait: float


class Meter:
    """Collects the scalars of steps, and the time they take."""

    def __init__(self, players: Iterable[str], done: int, waited: Callable[[], float]) -> None:
        self._players, self._waited = tuple(players), waited
        self._pending: list[Mapping[str, Any]] = []
        self._since, self._began, self._waited_before = done, time.perf_counter(), waited()

    def add(self, scalars: Mapping[str, Any]) -> None:
        """Take a step's scalars, which are not fetched from the device yet."""
        self._pending.append(scalars)

    def take(self, done: int) -> Figures | None:
        """Fetch the figures since the last time; None when there was no step since."""
        if not self._pending:
            return None
        means = _means(self._pending)
        self._pending.clear()
        now, waited = time.perf_counter(), self._waited()
        seconds = max(now - self._began, 1e-9)
        steps, wait = done - self._since, waited - self._waited_before
        self._since, self._began, self._waited_before = done, now, waited
        gradients, scales = (self._own(means, figure) for figure in ("gradient", "scale"))
        finite = means.pop(FINITE) > 0.5 and all(map(math.isfinite, means.values()))  # of gradients ``finite`` tells
        return Figures(means, gradients, scales, finite, seconds, steps / seconds, wait / seconds)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave out the time of what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._began += time.perf_counter() - began

    def _own(self, means: dict[str, float], figure: str) -> dict[str, float]:
        keys = {name: f"{name}_{figure}" for name in self._players}
        return {name: means.pop(key) for name, key in keys.items() if key in means}


def _means(logs: list[Mapping[str, Any]]) -> dict[str, float]:
    """Means of each scalar over the steps that had it; of ``finite`` the least.

    Gradients that overflowed, as float16 does now and then, are left out: ``finite`` says whether that is a failure.
    """
    names = {name: None for log in logs for name in log}
    values = {name: [float(log[name]) for log in logs if name in log] for name in names}
    for name in names:
        if name.endswith("_gradient"):
            values[name] = [value for value in values[name] if math.isfinite(value)]
    found = {name: some for name, some in values.items() if some}
    return {name: min(some) if name == FINITE else math.fsum(some) / len(some) for name, some in found.items()}
