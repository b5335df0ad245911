"""Open a reader for a task, and inspect every picture of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit.config import Config
from img2imgkit.data.folders import examine
from img2imgkit.data.picture_files import IGNORED, find_pictures, raise_problems, unread_in
from img2imgkit.data_kind import Arrays, Contents, DataKind, Reader, folders_in
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
    found = reader.verify()
    problems = [*reader.problems, *found.problems, *data_problems(reader.description)]
    notes = [*reader.notes, *unread_notes(data.options, probe), *found.notes]
    if probe is not None:
        try:
            notes += [*_trained_on(probe, data.options), *_incomplete(reader.probe(probe))]
            notes += [f"probe: {note}" for note in examine(find_pictures([probe], problems), 3).notes]
        except DataError as error:
            problems += str(error).splitlines()
    return Inspection(tuple(dict.fromkeys(problems)), tuple(notes), reader.contents)


def unread_notes(options: Config, probe: Path | None = None) -> list[str]:
    """A note on each folder of a training, or of its probe, with files that are not read: how many, by suffix."""
    stated = [*folders_in(options), *([probe] if probe else [])]
    found = {folder: unread_in(folder, stated) for folder in stated if folder.is_dir()}
    return [f"{folder}: {IGNORED}: {what}" for folder, what in found.items() if what]


def _trained_on(probe: Path, options: Config) -> list[str]:
    """A note if the probe shows pictures of the training data."""
    place = probe.resolve()
    around = [folder for folder in folders_in(options) if folder.resolve() in (place, *place.parents)]
    return [
        f"probe {probe} is inside {folder}, so its pictures are trained on and its scores say little about others"
        for folder in around
    ]


def _incomplete(probe: Sequence[tuple[str, Arrays]]) -> list[str]:
    """A note on each role that some pictures of a probe have and others do not."""
    roles = dict.fromkeys(role for _, batch in probe for role in batch)
    lacking = {role: [name for name, batch in probe if role not in batch] for role in roles}
    return [
        f"probe: {len(names)} of {len(probe)} pictures have no {role}, such as {names[0]}"
        for role, names in lacking.items()
        if names
    ]


def _create_reader(data: DataKind, geometry: Geometry) -> Reader:
    raise_problems([f"data.{option}: {problem}" for option, problem in data.options.data_problems(geometry)])
    return data.reader(geometry)
