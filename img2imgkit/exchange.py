"""How models come in from other software and go out to it: what an importer finds, what an exporter is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import keras
    import numpy as np

Arrays = Mapping[str, "np.ndarray"]
DType = Literal["float32", "uint8", "int32"]


@dataclass(frozen=True)
class Foreign:
    """A network out of other people's file, built here and filled with its weights.

    Attributes:
        family: the function of ``img2imgkit.nn`` that builds it, such as "resnet"
        arguments: what that function was given, read off the file
        model: the network; called with the official forward's arguments, NHWC
        assumed: what the file cannot tell, by argument, and in words what was taken for it
        source: the file's name
    """

    family: str
    arguments: Mapping[str, Any]
    model: keras.Model
    assumed: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Taken:
    """Which network becomes one of a task's: its place among those given, and its name if it is a part of that one."""

    number: int
    inside: str = ""


@dataclass(frozen=True)
class Adoption:
    """How a task makes a bundle of other people's networks.

    Attributes:
        options: of the task, as a training file states them
        roles: each generator that comes out of the files
        fresh: generators that no file has and that a translation does without: they keep fresh weights
        usual: whether such files come from this task's official code, as a rule
        lacking: what else the task needs, a sentence each; nothing when it is complete
    """

    options: Mapping[str, Any]
    roles: Mapping[str, Taken]
    fresh: tuple[str, ...] = ()
    usual: bool = True
    lacking: tuple[str, ...] = ()


class Importer(ABC):
    """Reads networks out of one kind of file. It never runs what is in the file, and believes no size that it states.

    Attributes:
        name: what users call the format
        suffixes: of the files, in lower case, with the dot
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, path: Path, part: str | None = None) -> Foreign:
        """The network in a file.

        Args:
            part: the entry of the file that holds it, such as "params_ema"; None: the usual one

        Raises:
            InteropError: the file cannot be read, is refused, or holds no network that is known here.
        """


@dataclass(frozen=True)
class Port:
    """One input or output of a program.

    Attributes:
        name: unique among the program's inputs, or outputs
        shape: None for what may vary; the first axis is the batch
        dtype: of its numbers
        meaning: what they are, with their range, for users: "RGB in [-1, 1]"
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: DType
    meaning: str


@dataclass(frozen=True)
class Program:
    """One thing that an exported model does, such as "translate": a function of named tensors.

    Attributes:
        name: unique in the model
        call: maps tensors by the inputs' names to tensors by the outputs' names; TensorFlow can trace it
        multiple: what heights and widths must be multiples of
        minimum: the least height and width
        scale: how many times as high and wide the output is; None where the output is no picture
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    multiple: int = 1
    minimum: int = 1
    scale: int | None = 1


class Exporter(ABC):
    """Writes programs in one format, and opens what it wrote, so that it can be compared with the original.

    Attributes:
        name: what users call the format
        suffix: of the file; "" for a folder
        several: whether one file holds several programs
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    several: ClassVar[bool] = False

    @abstractmethod
    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], settings: Any) -> None:
        """Write the programs to a path that is not there yet.

        Args:
            about: the model's description, which goes into the file, or beside it, as JSON
            settings: the options of the export

        Raises:
            ExportError: something in a program cannot be converted.
        """

    @abstractmethod
    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        """A function that runs a program of a written model, by its name, on arrays."""
