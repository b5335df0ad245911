"""The jobs of a run: one for each output, in the source's order, in bounded memory."""

from __future__ import annotations

import marshal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from img2imgkit.item import Entry
from img2imgkit.pipeline.spill import CACHE, Rows, private_database

SCHEMA = "CREATE TABLE jobs (number INTEGER PRIMARY KEY, state INTEGER, job BLOB)"
UP_TO_DATE, MAKE, FAIL = range(3)
ROWS = 1000  # read at a time: a cursor left open for hours would pin the rows it has read
Targets = tuple[PurePosixPath | None, ...]


@dataclass(frozen=True)
class Job:
    """One output of an entry: its targets, and the reason why it must be made, empty if it is up to date.

    ``problem`` states why it will fail, as far as the plan can tell; it is not given to an executor then.

    There is one target per sink. It is None if the sink precedes the steps that distinguish the entry's variants, and
    another job writes the file that the variants share.
    """

    entry: Entry
    targets: Targets
    reason: str
    problem: str = ""

    @property
    def state(self) -> int:
        """What is to be done with it: ``UP_TO_DATE``, ``MAKE`` or ``FAIL``."""
        return UP_TO_DATE if not self.reason else FAIL if self.problem else MAKE


class Jobs(Collection[Job]):
    """The jobs of a plan, in order, in bounded memory. Jobs can be added and iterated over repeatedly."""

    def __init__(self, cache: int = CACHE) -> None:
        self._database = private_database(self, SCHEMA, cache)
        self._rows = Rows(self._database, "INSERT INTO jobs VALUES (?, ?, ?)")
        self._counts, self._count = [0, 0, 0], 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Job]:
        return self._read("state >= 0")

    def __contains__(self, job: object) -> bool:
        return any(job == each for each in self)

    def __getitem__(self, number: int) -> Job:
        self._rows.flush()
        rows = self._database.execute("SELECT job FROM jobs WHERE number = ?", (number,))
        for (row,) in rows:
            return _job(row)
        raise IndexError(f"there is no job {number}: there are {len(self)} jobs")

    def add(self, job: Job) -> int:
        """Add a job and return its number. Raises PlanError if the temporary folder is full."""
        number, state = self._count, job.state
        self._rows.add(number, state, _row(job))
        self._counts[state] += 1
        self._count += 1
        return number

    @property
    def to_make_count(self) -> int:
        """The number of jobs that are to be made."""
        return self._counts[MAKE]

    @property
    def to_fail_count(self) -> int:
        """The number of jobs that are known to fail."""
        return self._counts[FAIL]

    @property
    def up_to_date_count(self) -> int:
        """The number of jobs that are up to date."""
        return self._counts[UP_TO_DATE]

    def to_make(self) -> Iterator[Job]:
        """Yield the jobs that are to be made."""
        return self._read(f"state = {MAKE}")

    def to_fail(self) -> Iterator[Job]:
        """Yield the jobs that are known to fail."""
        return self._read(f"state = {FAIL}")

    def _read(self, condition: str) -> Iterator[Job]:
        self._rows.flush()
        number = -1
        query = f"SELECT number, job FROM jobs WHERE number > ? AND {condition} ORDER BY number LIMIT {ROWS}"
        while rows := self._database.execute(query, (number,)).fetchall():
            yield from (_job(row) for _, row in rows)
            number = rows[-1][0]


def _row(job: Job) -> bytes:
    entry = job.entry
    fields = (entry.location, str(entry.relative), entry.index, entry.size, entry.version, entry.variant, entry.format)
    targets = tuple(target if target is None else str(target) for target in job.targets)
    return marshal.dumps((fields, targets, job.reason, job.problem))  # supports names that are not UTF-8


def _job(row: bytes) -> Job:
    (location, relative, *rest), targets, reason, problem = marshal.loads(row)
    path = PurePosixPath(relative)  # often the target's, too
    entry = Entry(location, path, *rest)
    made = [path if each == relative else each if each is None else PurePosixPath(each) for each in targets]
    return Job(entry, tuple(made), reason, problem)
