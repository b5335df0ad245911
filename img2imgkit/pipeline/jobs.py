"""The jobs of a run: one for each output, in the source's order, in bounded memory."""

from __future__ import annotations

import marshal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from img2imgkit.item import Entry
from img2imgkit.pipeline.spill import CACHE, full_disk_errors, private_database

SCHEMA = "CREATE TABLE jobs (number INTEGER PRIMARY KEY, make INTEGER, job BLOB)"
ROWS = 1000  # read at a time: a cursor left open for hours would pin the rows it has read
Targets = tuple[PurePosixPath | None, ...]


@dataclass(frozen=True)
class Job:
    """One output of an entry: its targets, and the reason why it must be made, empty if it is up to date.

    There is one target per sink. It is None if the sink precedes the steps that distinguish the entry's variants, and
    another job writes the file that the variants share.
    """

    entry: Entry
    targets: Targets
    reason: str


class Jobs(Collection[Job]):
    """The jobs of a plan, in order, in bounded memory. Jobs can be added and iterated over repeatedly."""

    def __init__(self, cache: int = CACHE) -> None:
        self._rows = private_database(self, SCHEMA, cache)
        self._count = self._to_make = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Job]:
        return self._read("make >= 0")

    def __contains__(self, job: object) -> bool:
        return any(job == each for each in self)

    def __getitem__(self, number: int) -> Job:
        rows = self._rows.execute("SELECT job FROM jobs WHERE number = ?", (number,))
        for (row,) in rows:
            return _job(row)
        raise IndexError(f"there is no job {number}: there are {len(self)} jobs")

    def add(self, job: Job) -> int:
        """Add a job and return its number. Raises PlanError if the temporary folder is full."""
        with full_disk_errors():
            self._rows.execute("INSERT INTO jobs VALUES (?, ?, ?)", (self._count, bool(job.reason), _row(job)))
        self._count += 1
        self._to_make += bool(job.reason)
        return self._count - 1

    @property
    def to_make_count(self) -> int:
        """The number of jobs that are not up to date."""
        return self._to_make

    def to_make(self) -> Iterator[Job]:
        """Yield the jobs that are not up to date."""
        return self._read("make = 1")

    def _read(self, condition: str) -> Iterator[Job]:
        number = -1
        query = f"SELECT number, job FROM jobs WHERE number > ? AND {condition} ORDER BY number LIMIT {ROWS}"
        while rows := self._rows.execute(query, (number,)).fetchall():
            yield from (_job(row) for _, row in rows)
            number = rows[-1][0]


def _row(job: Job) -> bytes:
    entry = job.entry
    fields = (entry.location, str(entry.relative), entry.index, entry.size, entry.version, entry.variant)
    targets = tuple(target if target is None else str(target) for target in job.targets)
    return marshal.dumps((fields, targets, job.reason))  # supports names that are not UTF-8


def _job(row: bytes) -> Job:
    (location, relative, *rest), targets, reason = marshal.loads(row)
    entry = Entry(location, PurePosixPath(relative), *rest)
    return Job(entry, tuple(target if target is None else PurePosixPath(target) for target in targets), reason)
