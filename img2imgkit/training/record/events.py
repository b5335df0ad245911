"""What a training tells its caller while it runs. The caller decides what of it to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Waiting:
    """Several machines train together, and this one waits until all are there. Machines count from 1."""

    machine: int
    machines: int
    address: str  # of this machine, where the others look for it


@dataclass(frozen=True)
class Started:
    """Everything is loaded; the first step comes next."""

    devices: tuple[str, ...]
    global_batch: int
    replica_batch: int
    parameters: Mapping[str, int]
    step: int  # steps that a resumed run had behind it
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
    """A sample sheet was written. Scores by metric, then by picture, with their "mean"; none without known truth."""

    step: int
    path: Path
    scores: Mapping[str, Mapping[str, float]]
    best: bool = False  # whether it is the best so far, and kept as such


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Alarmed:
    """The training still runs, and goes wrong."""

    step: int
    alarm: str
    text: str


@dataclass(frozen=True)
class Finished:
    """The run is over: complete, or stopped after a checkpoint, by the caller or by an alarm."""

    step: int
    bundle: Path | None  # None when it is not complete, or not written by this machine
    reason: Literal["complete", "interrupted", "alarm"] = "complete"


Event = Waiting | Started | Progress | Sampled | Saved | Alarmed | Finished
Notify = Callable[[Event], None]
