"""A reader opened for a task, and what a look at every picture of a training finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit.data.picture_files import raise_problems
from img2imgkit.data_kind import Contents, DataKind, Reader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry

DataProblems = Callable[[Mapping[str, Any]], Sequence[str]]


def _nothing(_: Mapping[str, Any]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Inspection:
    """What a look at every picture of a training found.

    Attributes:
        problems: what keeps it from starting, a line each
        notes: what is odd, and may be meant
        contents: what each folder holds
    """

    problems: Sequence[str]
    notes: Sequence[str]
    contents: Sequence[Contents]


def open_reader(data: DataKind, geometry: Geometry, data_problems: DataProblems = _nothing) -> Reader:
    """The reader of the data of a training, for a task of that geometry. Readers open headers only, or say otherwise.

    Args:
        data_problems: what the task finds wrong with the reader's description, see ``Task.data_problems``

    Raises:
        DataError: every option that does not fit the task, or every folder and picture that cannot be used, by name.
    """
    reader = _made(data, geometry)
    raise_problems(reader.problems or data_problems(reader.description))
    return reader


def inspect_data(
    data: DataKind, geometry: Geometry, probe: Path | None = None, data_problems: DataProblems = _nothing
) -> Inspection:
    """Look at every picture of a training, each decoded, and at those of its probe; ``data_problems`` as above.

    Raises:
        DataError: options do not fit the task.
    """
    reader = _made(data, geometry)
    problems = [*reader.problems, *reader.verify(), *data_problems(reader.description)]
    if probe is not None:
        try:
            reader.probe(probe)
        except DataError as error:
            problems += str(error).splitlines()
    return Inspection(tuple(dict.fromkeys(problems)), reader.notes, reader.contents)


def _made(data: DataKind, geometry: Geometry) -> Reader:
    raise_problems([f"data.{option}: {problem}" for option, problem in data.options.data_problems(geometry)])
    return data.reader(geometry)
