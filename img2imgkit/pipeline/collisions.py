"""Find output files that would be written more than once, among any number of targets in bounded memory."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.jobs import Jobs
from img2imgkit.pipeline.output_folder import folder_of, resolved
from img2imgkit.pipeline.spill import Rows, full_disk_errors, private_database, short_key
from img2imgkit.pipeline.variants import differing
from img2imgkit.step import Sink

SHOWN = 5
SCHEMA = "CREATE TABLE targets (key INTEGER, sink INTEGER, job INTEGER)"
REPEATED = """
    SELECT key, sink, job FROM targets WHERE key IN (SELECT key FROM targets GROUP BY key HAVING COUNT(*) > 1)
    ORDER BY key, sink, job
"""


@dataclass
class _Group:
    """Jobs that write the same file: the first one, titles to show, and the fields that would distinguish them."""

    sink: int
    job: int
    entry: Entry
    titles: list[str]
    fields: set[str] = field(default_factory=set)
    several_pictures: bool = False
    count: int = 1

    def add(self, entry: Entry) -> None:
        self.count += 1
        if len(self.titles) < 3:
            self.titles.append(entry.title)
        self.fields.update(differing(self.entry, entry))
        self.several_pictures |= entry.index != self.entry.index


class Collisions:
    """Collects the targets of all jobs and compares them."""

    def __init__(self, sinks: tuple[Sink, ...]) -> None:
        self._folders = [folder_of(sink) for sink in sinks]
        starts = [os.path.join(resolved(folder), "") for folder in self._folders]  # noqa: PTH118 - ends with a separator
        self._places = list(zip(starts, map(ignores_case, self._folders), strict=True))
        self._database = private_database(self, SCHEMA)
        self._rows = Rows(self._database, "INSERT INTO targets VALUES (?, ?, ?)")

    def add(self, job: int, sink: int, target: PurePosixPath) -> None:
        """Add a target. Raises PlanError if the temporary folder is full."""
        self._rows.add(short_key(self._key(sink, target)), sink, job)

    def check(self, jobs: Jobs) -> None:
        """Raises PlanError if two jobs, or two sinks of one job, write the same file."""
        count, first, fields, several = 0, list[_Group](), set[str](), False
        self._rows.flush()
        with full_disk_errors():
            for group in self._groups(jobs):
                count += 1
                first = sorted([*first, group], key=lambda each: (each.sink, each.job))[:SHOWN]
                fields |= group.fields
                several |= group.several_pictures
        if first:
            names = [name for name, _ in first[0].entry.variant if name in fields]
            lines = [f"  {self._folders[each.sink] / self._target(each, jobs)} <- {', '.join(each.titles)}"
                     for each in first]  # fmt: skip
            raise PlanError(
                f"{count} output files would be written more than once; add a field to the name template of the "
                f"write step, such as {_missing(names, several)}:\n" + shown_lines(lines, count)
            )

    def _key(self, sink: int, target: PurePosixPath) -> str:
        folder, plain = self._places[sink]
        path = f"{folder}{target}"  # creating a Path for each costs seconds
        return unicodedata.normalize("NFC", path).casefold() if plain else path

    def _target(self, group: _Group, jobs: Jobs) -> PurePosixPath:
        target = jobs[group.job].targets[group.sink]
        assert target is not None
        return target

    def _groups(self, jobs: Jobs) -> Iterator[_Group]:
        for _, rows in groupby(self._database.execute(REPEATED), key=lambda row: row[0]):
            groups: dict[str, _Group] = {}  # one group, unless two paths have the same short key
            for _, sink, number in rows:
                job = jobs[number]
                target = job.targets[sink]
                assert target is not None
                path = self._key(sink, target)
                if path in groups:
                    groups[path].add(job.entry)
                else:
                    groups[path] = _Group(sink, number, job.entry, [job.entry.title])
            yield from (group for group in groups.values() if group.count > 1)


def _missing(fields: list[str], several_pictures: bool) -> str:
    """Return the fields that would distinguish entries: of their variants, of their pictures, or of both."""
    names = [f"{{{name}}}" for name in fields]
    if several_pictures or not names:
        names += ["{relpath}", "{ext}", "{index}"]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def ignores_case(folder: Path) -> bool:
    """Whether the file system ignores case, as far as the folder's own name shows."""
    here = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    other = here.with_name(here.name.swapcase()) if here.name else here
    return other.name != here.name and other.is_dir() and other.samefile(here)


def shown_lines(lines: list[str], count: int) -> str:
    """Return the first of ``count`` lines, and how many more there are."""
    return "\n".join(lines[:SHOWN] + ([f"  and {count - SHOWN} more"] if count > SHOWN else []))
