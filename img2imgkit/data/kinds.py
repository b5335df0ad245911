"""Every data kind: its options, and the reader that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from img2imgkit.data.degraded import DegradedOptions, DegradedReader
from img2imgkit.data.few_shot import FewShotOptions, FewShotReader
from img2imgkit.data.labelled import LabelledOptions, LabelledReader
from img2imgkit.data.paired import PairedOptions, PairedReader
from img2imgkit.data.pictures import refuse
from img2imgkit.data.reader import Contents, Reader
from img2imgkit.data.semantic import SemanticOptions, SemanticReader
from img2imgkit.data.unpaired import UnpairedOptions, UnpairedReader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry

DataOptions = Annotated[
    PairedOptions | UnpairedOptions | LabelledOptions | SemanticOptions | FewShotOptions | DegradedOptions,
    Field(discriminator="kind"),
]


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


def open_reader(options: DataOptions, geometry: Geometry, data_problems: DataProblems = _nothing) -> Reader:
    """The reader of the options' kind, for a task of that geometry. Only headers are read, except by ``degraded``.

    Args:
        data_problems: what the task finds wrong with the reader's description, see ``Task.data_problems``

    Raises:
        DataError: every option that does not fit the task, or every folder and picture that cannot be used, by name.
    """
    reader = _made(options, geometry)
    refuse(reader.problems or data_problems(reader.description))
    return reader


def inspect_data(
    options: DataOptions, geometry: Geometry, probe: Path | None = None, data_problems: DataProblems = _nothing
) -> Inspection:
    """Look at every picture of a training, each decoded, and at those of its probe; ``data_problems`` as above.

    Raises:
        DataError: options do not fit the task.
    """
    reader = _made(options, geometry)
    problems = [*reader.problems, *reader.verify(), *data_problems(reader.description)]
    if probe is not None:
        try:
            reader.probe(probe)
        except DataError as error:
            problems += str(error).splitlines()
    return Inspection(tuple(dict.fromkeys(problems)), reader.notes, reader.contents)


def _made(options: DataOptions, geometry: Geometry) -> Reader:
    refuse([f"data.{option}: {problem}" for option, problem in options.data_problems(geometry)])
    match options:
        case PairedOptions():
            return PairedReader(options, geometry)
        case UnpairedOptions():
            return UnpairedReader(options, geometry)
        case LabelledOptions():
            return LabelledReader(options, geometry)
        case SemanticOptions():
            return SemanticReader(options, geometry)
        case FewShotOptions():
            return FewShotReader(options, geometry)
        case DegradedOptions():
            return DegradedReader(options, geometry)
