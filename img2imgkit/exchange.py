"""How models come in from other software and go out to it: what an importer finds, what an exporter is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import keras
    import numpy as np

__all__ = [
    "ENCODER",
    "NETWORK",
    "Adoption",
    "Exporter",
    "Foreign",
    "Importer",
    "Kept",
    "Port",
    "Program",
    "Taken",
    "by_use",
]

Arrays = Mapping[str, "np.ndarray"]
DType = Literal["float32", "uint8", "int32"]
NETWORK, ENCODER = "network_", "encode_"  # what names of programs begin with, before a network's role or a condition
Precision = Literal["float32", "float16", "int8"]


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
class Kept:
    """Weights of one generator of a task, out of a file that keeps its numbers and not how it is built.

    Attributes:
        fill: puts them into that network; an InteropError says what does not fit
        task: the task's name, and
        options: its options, where the file states them
        role: of the generator, where the file states it
        source: the file's name
    """

    fill: Callable[[keras.Model], None]
    task: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
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
        notes: what no file tells and what was taken for it, and how to state otherwise, a sentence each
    """

    options: Mapping[str, Any]
    roles: Mapping[str, Taken]
    fresh: tuple[str, ...] = ()
    usual: bool = True
    lacking: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def by_use(networks: Sequence[Foreign], **uses: Collection[str]) -> dict[str, list[int]] | None:
    """The numbers of the networks for each use, by their families; None: one of them has no use.

    Args:
        uses: families that a network for that use may have
    """
    found: dict[str, list[int]] = {use: [] for use in uses}
    for number, network in enumerate(networks):
        use = next((use for use, families in uses.items() if network.family in families), None)
        if use is None:
            return None
        found[use].append(number)
    return found


class Importer(ABC):
    """Reads networks out of one kind of file. It never runs what is in the file, and believes no size that it states.

    Attributes:
        name: what users call the format
        suffixes: of the files, in lower case, with the dot
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read(self, path: Path, part: str | None = None) -> Foreign | Kept:
        """The network in a file, or the weights of one of a task's.

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
        axes: what each axis counts, in units of the first input: "batch", "height", "width/2", "" for what never varies
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: DType
    meaning: str
    axes: tuple[str, ...] = ()


def argument(name: str) -> str:
    """An input's name in formats whose inputs are arguments of functions: "class" is "class_" there."""
    return f"{name}_" if iskeyword(name) else name


@dataclass(frozen=True)
class Program:
    """One thing that an exported model does, such as "translate": a function of named tensors.

    Attributes:
        name: unique in the model
        call: maps tensors by the inputs' names to tensors by the outputs' names; TensorFlow can trace it
        sample: arrays such as the program is given, by the inputs' names, for a batch of so many, a height and a width
        multiple: what heights and widths must be multiples of
        minimum: the least height and width
        scale: how many times as high and wide the output is; None where the output is no picture
        size: height and width, where they are fixed
        model: the network, where the program is one as it is
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    sample: Callable[[np.random.Generator, int, int, int], Arrays]
    multiple: int = 1
    minimum: int = 1
    scale: int | None = 1
    size: tuple[int, int] | None = None
    model: keras.Model | None = None


@dataclass(frozen=True)
class Form:
    """How programs are to be written.

    Attributes:
        precision: of the numbers inside; ports keep their types
        opset: the version of ONNX's operators
        samples: for int8, what each program is given as a rule, by its name
    """

    precision: Precision = "float32"
    opset: int = 18
    samples: Mapping[str, Sequence[Arrays]] = field(default_factory=dict)


class Exporter(ABC):
    """Writes programs in one format, and opens what it wrote, so that it can be compared with the original.

    Attributes:
        name: what users call the format
        suffix: of the file; "" for a folder
        several: whether one file holds several programs
        precisions: what it can write
        mixed: whether float16 programs are given to it as such; otherwise it makes float32 ones of half the size
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    several: ClassVar[bool] = False
    precisions: ClassVar[tuple[Precision, ...]] = ("float32",)
    mixed: ClassVar[bool] = False

    def taken(self, programs: Sequence[Program]) -> Sequence[Program]:
        """Those that the format can hold."""
        return programs

    def usual(self, programs: Sequence[Program]) -> Sequence[Program]:
        """Those of the taken ones that are written where a user names none."""
        return programs if self.several else programs[:1]

    def file_name(self, program: Program) -> str:
        """What a file of that program alone is called in a folder of several."""
        return f"{program.name}{self.suffix}"

    @abstractmethod
    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        """Write the programs to a path that is not there yet.

        Args:
            about: the model's description, which goes into the file, or beside it, as JSON

        Raises:
            ExportError: something in a program cannot be converted.
        """

    @abstractmethod
    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        """A function that runs a program of a written model, by its name, on arrays."""

    @abstractmethod
    def about(self, path: Path) -> str:
        """The description in a written model, as JSON."""
