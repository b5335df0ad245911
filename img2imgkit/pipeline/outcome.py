"""The outcome of each picture of a run, and the interface for progress reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from img2imgkit.images import Picture
from img2imgkit.item import Entry

Status = Literal["done", "up to date", "failed", "not reached"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one entry."""

    entry: Entry
    status: Status
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[dict[str, Any], ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The outcomes of all entries, in the source's order."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool
    seconds: float
    devices: tuple[str, ...] = ()  # that the steps computed on; empty if no step was opened

    def count(self, status: Status) -> int:
        """The number of entries with this status."""
        return sum(outcome.status == status for outcome in self.outcomes)


class Watcher(Protocol):
    """Receives a run's progress, always in the thread that called ``run``."""

    def started(self, total: int, up_to_date: int) -> None:
        """The run starts. ``total`` pictures are to be made; ``up_to_date`` are done already."""

    def finished(self, outcome: Outcome) -> None:
        """One picture is done or has failed."""


def described(frames: Sequence[Picture]) -> dict[str, Any]:
    """Describe a picture, or the first of several frames, for the report."""
    picture = frames[0]
    return {
        "width": picture.width,
        "height": picture.height,
        "depth": picture.depth,
        "space": picture.space,
        "alpha": picture.alpha is not None,
        "mode": picture.mode,
        "icc": picture.metadata.icc is not None,
        **({"frames": len(frames)} if len(frames) > 1 else {}),
    }
