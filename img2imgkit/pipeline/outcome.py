"""What became of each picture of a run, and who is told of it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from img2imgkit.images import Picture
from img2imgkit.item import Entry

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


def described(frames: Sequence[Picture]) -> dict[str, Any]:
    """What the report says of a picture, or of the first of several frames."""
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
