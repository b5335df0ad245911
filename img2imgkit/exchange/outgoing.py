"""How models go out to other software: programs, and the exporters that write them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import keras
    import numpy as np

Arrays = Mapping[str, "np.ndarray"]
DType = Literal["float32", "uint8", "int32"]
Precision = Literal["float32", "float16", "int8"]
NETWORK, ENCODER = "network_", "encode_"  # what names of programs begin with, before a network's role or a condition


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
