"""How models come in from other software and go out to it: what an importer finds, what an exporter is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from img2imgkit.architectures import Architecture, Assumption, NetworkSpec, State

if TYPE_CHECKING:
    import keras
    import numpy as np

__all__ = [
    "ENCODER",
    "HEAD_BYTES",
    "NETWORK",
    "Exporter",
    "FromFile",
    "ImportPlan",
    "Importable",
    "ImportedNetwork",
    "Importer",
    "Port",
    "Program",
    "SavedWeights",
    "StateDict",
    "by_role",
]

Arrays = Mapping[str, "np.ndarray"]
DType = Literal["float32", "uint8", "int32"]
NETWORK, ENCODER = "network_", "encode_"  # what names of programs begin with, before a network's role or a condition
HEAD_BYTES = 4096  # of a file, that importers see before they are asked for it
Precision = Literal["float32", "float16", "int8"]


@dataclass(frozen=True)
class StateDict:
    """Named arrays as a file of other software keeps them; which network they are of, the import finds out.

    Attributes:
        arrays: by the names that PyTorch's modules have in the official code
        architecture: that they are of, where the file states it; "": recognised by names and shapes
        arguments: of the network, where the file states them: options of the architecture, fields of ``NetworkSpec``
        assumptions: what else the file leaves open, or what of it is left out
        source: the file's name
    """

    arrays: State
    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class SavedWeights:
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
class ImportedNetwork:
    """A network out of a file of other software, built here and filled with its weights.

    Attributes:
        architecture: with the options that were read off the file
        spec: what else was read off it: channels, scale, normalization
        model: the network; called with the official forward's arguments, NHWC
        assumptions: what the file does not state; their options are the architecture's, or fields of ``spec``
        source: the file's name
    """

    architecture: Architecture
    spec: NetworkSpec
    model: keras.Model
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""

    @property
    def kind(self) -> str:
        """The architecture's name."""
        return self.architecture.name

    @property
    def arguments(self) -> dict[str, Any]:
        """The architecture's options and what its network depends on of ``spec``."""
        return self.architecture.arguments(self.spec)

    def assumptions_at(self, option: str, **renamed: str) -> tuple[Assumption, ...]:
        """Its assumptions under a task's option that holds the architecture; fields of ``spec`` are the task's own.

        Args:
            renamed: the task's name of a field; "" where the task leaves no choice
        """
        own = type(self.architecture).model_fields
        found = []
        for each in self.assumptions:
            name = renamed.get(each.option, f"{option}.{each.option}" if each.option in own else each.option)
            found.append(replace(each, option=name))
        return tuple(found)


@dataclass(frozen=True)
class FromFile:
    """Which imported network becomes one of a task's.

    Attributes:
        number: its place among those given
        inside: the layer of it that is the network; "": all of it
    """

    number: int
    inside: str = ""


@dataclass(frozen=True)
class ImportPlan:
    """How a task makes a bundle of imported networks.

    Attributes:
        options: of the task, as a training file states them
        roles: each generator that comes out of the files
        fresh: generators that no file has and that a translation does without: they keep fresh weights
        usual: whether such files come from this task's official code, as a rule
        missing: what else the task needs, a sentence each; nothing when it is complete
        assumptions: what no file states and what was taken for it, with the task's options
    """

    options: Mapping[str, Any]
    roles: Mapping[str, FromFile]
    fresh: tuple[str, ...] = ()
    usual: bool = True
    missing: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


class Importable(ABC):
    """A task that bundles can be made of from other software's networks."""

    @classmethod
    @abstractmethod
    def import_plan(cls, networks: Sequence[ImportedNetwork]) -> ImportPlan | None:
        """How a bundle of this task is made of the networks. None if any of them does not belong to this task.

        Args:
            networks: in the order in which the user names their files; critics may be among them, and are left aside
        """


def by_role(networks: Sequence[ImportedNetwork], *roles: str) -> dict[str, list[int]] | None:
    """The numbers of the networks by role. None if any of them serves as none of these.

    Args:
        roles: of architectures, such as "generator" and "critic"; a network counts for the first that it fits
    """
    found: dict[str, list[int]] = {role: [] for role in roles}
    for number, network in enumerate(networks):
        role = next((role for role in roles if role in network.architecture.roles), None)
        if role is None:
            return None
        found[role].append(number)
    return found


class Importer(ABC):
    """Reads networks out of one kind of file. It never runs what is in the file, and trusts no size that it states.

    Attributes:
        name: what users call the format
        suffixes: that such files have as a rule, in lower case, with the dot
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def claims(self, path: Path, head: bytes) -> bool:
        """Whether the file is of this kind.

        Args:
            head: the file's first bytes, up to ``HEAD_BYTES``
        """
        return path.name.lower().endswith(self.suffixes)

    @abstractmethod
    def read(self, path: Path, key: str | None = None) -> StateDict | SavedWeights:
        """The arrays of a network in a file, or the weights of one of a task's.

        Args:
            key: of the file's entry that holds the network, such as "params_ema"; None: the usual one

        Raises:
            InteropError: the file cannot be read, is refused, or holds no network.
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
