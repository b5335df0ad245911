"""Events that a training reports to its caller, who decides what to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Waiting:
    """This machine waits for the other machines of its training. Machines count from 1."""

    machine: int
    machines: int
    address: str  # of this machine


@dataclass(frozen=True)
class Started:
    """Everything is loaded, and the first step follows."""

    devices: tuple[str, ...]
    global_batch: int
    replica_batch: int
    parameters: Mapping[str, int]
    step: int  # steps completed before a resumed run
    steps: int
    notes: tuple[str, ...] = ()  # such as initial weights that did not fit
    machine: int = 1
    machines: int = 1


@dataclass(frozen=True)
class Progress:
    """The figures of one log interval."""

    step: int
    steps: int
    terms: Mapping[str, float]
    rates: Mapping[str, float]
    images_per_second: float
    input_wait: float  # share of the time spent waiting for data
    seconds_left: float


@dataclass(frozen=True)
class Sampled:
    """A sample sheet was written. Scores by metric, then by picture and "mean"; empty without targets."""

    step: int
    path: Path
    scores: Mapping[str, Mapping[str, float]]
    best: bool = False  # whether this is the best score so far, whose state is kept


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Alarmed:
    """The training is still running, but failing."""

    step: int
    alarm: str
    text: str


Reason = Literal["complete", "settled", "interrupted", "alarm", "failed"]


@dataclass(frozen=True)
class Finished:
    """The run has ended.

    Attributes:
        step: the number of completed steps
        bundle: None if the run is incomplete, or another machine writes it
        reason: "complete"; "settled" if the score of the probe no longer improved; "interrupted" by the caller or
            stopped by an "alarm", both with a checkpoint; "failed" if an error follows
    """

    step: int
    bundle: Path | None
    reason: Reason = "complete"


Event = Waiting | Started | Progress | Sampled | Saved | Alarmed | Finished
Notify = Callable[[Event], object]
