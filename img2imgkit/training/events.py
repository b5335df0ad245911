"""What a training tells its caller while it runs. The caller decides what of it to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


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
    """A sample sheet was written; PSNR of the probe pictures by name, and their mean."""

    step: int
    path: Path
    psnr: Mapping[str, float]


@dataclass(frozen=True)
class Saved:
    """A checkpoint was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Finished:
    """The run is over: complete, with its bundle, or interrupted after a checkpoint."""

    step: int
    bundle: Path | None


Event = Started | Progress | Sampled | Saved | Finished
Notify = Callable[[Event], None]
