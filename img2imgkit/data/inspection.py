"""Open a reader for a task, and inspect every picture of a training."""

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
    """The result of inspecting every picture of a training.

    Attributes:
        problems: errors that prevent training, a line each
        notes: findings that may be intended
        contents: a summary of each folder
    """

    problems: Sequence[str]
    notes: Sequence[str]
    contents: Sequence[Contents]


def open_reader(data: DataKind, geometry: Geometry, data_problems: DataProblems = _nothing) -> Reader:
    """Open the reader of a training's data. Readers open headers only, unless documented otherwise.

    Args:
        data_problems: returns the task's objections to the reader's description, see ``Task.data_problems``

    Raises:
        DataError: lists all options that do not fit the task, or all folders and pictures that cannot be used.
    """
    reader = _create_reader(data, geometry)
    raise_problems(reader.problems or data_problems(reader.description))
    return reader


def inspect_data(
    data: DataKind, geometry: Geometry, probe: Path | None = None, data_problems: DataProblems = _nothing
) -> Inspection:
    """Decode every picture of a training and of its probe; for ``data_problems`` see ``open_reader``.

    Raises:
        DataError: lists all options that do not fit the task.
    """
    reader = _create_reader(data, geometry)
    problems = [*reader.problems, *reader.verify(), *data_problems(reader.description)]
    if probe is not None:
        try:
            reader.probe(probe)
        except DataError as error:
            problems += str(error).splitlines()
    return Inspection(tuple(dict.fromkeys(problems)), reader.notes, reader.contents)


def _create_reader(data: DataKind, geometry: Geometry) -> Reader:
    raise_problems([f"data.{option}: {problem}" for option, problem in data.options.data_problems(geometry)])
    return data.reader(geometry)
