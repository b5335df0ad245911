"""The executor seam: decoding, transforming and rendering, apart from keeping the books.

An executor gets jobs and returns what became of them, with the files that it has staged. The coordinator
(``pipeline.coordinator``) alone holds the lock and the ledger of an output folder, and puts files in their places. An
executor may use threads, processes or other machines, as long as they reach the output folders: files are staged inside
them, so that placing one is a rename on one file system.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from img2imgkit.pipeline.jobs import Job
from img2imgkit.pipeline.outcome import Outcome
from img2imgkit.pipeline.output_folder import StagedFile


@dataclass(frozen=True)
class Staged:
    """A file that a sink has rendered, complete and synced, but not in its place yet.

    Attributes:
        sink: which of the pipeline's sinks, from 0
        target: where it goes, below the sink's location
        file: where it lies now, its size and its digest
        picture: what the report says of the picture that was rendered
        notes: the sink's own notes
    """

    sink: int
    target: PurePosixPath
    file: StagedFile
    picture: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """A job that an executor is through with: its outcome, without outputs, and the files that it has staged.

    A job that failed, or was not reached, has no staged files. All of it can be pickled if the steps' notes can.
    """

    job: Job
    outcome: Outcome
    staged: tuple[Staged, ...] = ()


class Executor(ABC):
    """Makes the files of jobs. It knows no ledger, takes no lock, and puts nothing in its place.

    Each job is returned once. It may be run twice, such as when a worker has died: staged files that the executor does
    not return are removed when the run ends.
    """

    @abstractmethod
    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        """Jobs in the order in which they end. A job that fails is an outcome, not an error.

        Args:
            jobs: read when the executor has room for them, in the thread that reads the result; jobs of one entry are
                neighbours
            stop: when set, no further job begins; those that have begun are finished and returned

        Raises:
            ToolkitError: a step cannot be opened, such as a damaged bundle; or the executor has lost its workers.
        """

    def devices(self) -> tuple[str, ...]:
        """What the steps have computed on, for the report; read before ``close``. Empty: processors alone."""
        return ()

    def close(self) -> None:
        """Give back workers, and what the steps have opened. Called once, also after errors."""
