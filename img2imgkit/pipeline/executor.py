"""The interface of executors, which decode, transform and render.

An executor receives jobs and returns their outcomes with the files it staged. Only the coordinator
(``pipeline.coordinator``) holds an output folder's lock and ledger, and moves files into place. An executor can use
threads, processes or other machines, as long as they have access to the output folders: files are staged inside these,
so that placing a file is a rename within one file system.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from img2imgkit.images import Picture
from img2imgkit.item import Entry
from img2imgkit.pipeline.jobs import Job
from img2imgkit.pipeline.output_folder import StagedFile

Status = Literal["done", "up to date", "failed", "not reached", "skipped"]


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
    """The outcomes of all entries, in the source's order, skipped ones last."""

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


@dataclass(frozen=True)
class Staged:
    """A file rendered by a sink, complete and synced, but not yet in place.

    Attributes:
        sink: the index of the sink in the pipeline, from 0
        target: its final path below the sink's location
        file: its current path, its size and its digest
        picture: the rendered picture as the report describes it
        notes: the sink's own notes
    """

    sink: int
    target: PurePosixPath
    file: StagedFile
    picture: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """A job that an executor has finished: its outcome, without outputs, and its staged files.

    A job that failed or was not reached has no staged files. It can be pickled if the steps' notes can.
    """

    job: Job
    outcome: Outcome
    staged: tuple[Staged, ...] = ()


class Executor(ABC):
    """Makes the files of jobs. It uses no ledger and no lock, and moves no file into place.

    Each job is returned once. It may run twice, for example after a worker has died: staged files that the executor
    does not return are removed when the run ends.
    """

    @abstractmethod
    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        """Yield jobs in the order in which they finish. A failed job is an outcome, not an error.

        Args:
            jobs: consumed as the executor has capacity, in the thread that iterates over the result; jobs of one entry
                are adjacent
            stop: once set, no new job starts; jobs in progress are finished and returned

        Raises:
            ToolkitError: a step cannot be opened, for example because a bundle is damaged; or all workers were lost.
        """

    def devices(self) -> tuple[str, ...]:
        """Return the devices the steps computed on, for the report; called before ``close``. Empty: the CPU only."""
        return ()

    def close(self) -> None:
        """Release the workers, and what the steps opened. Called once, also after errors."""
