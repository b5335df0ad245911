"""Exporting models to other software: programs, and the exporters that write them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import keras
    import numpy as np

Arrays = Mapping[str, "np.ndarray"]
DType = Literal["float32", "uint8", "int32"]
Precision = Literal["float32", "float16", "int8"]
NETWORK, ENCODER = "network_", "encode_"  # prefixes of program names, followed by a network's role or a condition


@dataclass(frozen=True)
class Port:
    """One input or output of a program.

    Attributes:
        name: unique among the program's inputs, or outputs
        shape: None for dynamic axes; the first axis is the batch
        dtype: the element type
        meaning: contents and value range, for users: "RGB in [-1, 1]"
        axes: the meaning of each axis, in units of the first input: "batch", "height", "width/2"; "" for fixed axes
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: DType
    meaning: str
    axes: tuple[str, ...] = ()


def argument(name: str) -> str:
    """An input's name as a Python argument, for formats that need one: "class" becomes "class_"."""
    return f"{name}_" if iskeyword(name) else name


@dataclass(frozen=True)
class Program:
    """One function of an exported model, such as "translate", from named tensors to named tensors.

    Attributes:
        name: unique in the model
        call: maps tensors by input name to tensors by output name; TensorFlow can trace it
        sample: creates example inputs by name from a random generator, batch size, height and width
        multiple: heights and widths must be multiples of this
        minimum: minimum height and width
        scale: the output is ``scale`` times as high and wide; None if the output is not a picture
        size: height and width, if they are fixed
        model: the network, if the program is exactly one network
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
    """How to write programs.

    Attributes:
        precision: numeric format of weights and activations; ports keep their types
        opset: version of the ONNX operator set
        samples: for int8, typical inputs of each program by its name, for calibration
    """

    precision: Precision = "float32"
    opset: int = 18
    samples: Mapping[str, Sequence[Arrays]] = field(default_factory=dict)


class Exporter(ABC):
    """Writes programs in one format, and opens the result so that it can be compared with the original.

    Attributes:
        name: the format's name for users
        suffix: suffix of the file; "" for a folder
        several: whether one file can contain several programs
        precisions: the supported precisions
        mixed: whether it expects float16 programs; otherwise it gets float32 programs and converts them itself
        fixed: options of an export that have one value only in this format, such as the axis order of pictures
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    several: ClassVar[bool] = False
    precisions: ClassVar[tuple[Precision, ...]] = ("float32",)
    mixed: ClassVar[bool] = False
    fixed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def lacks(self) -> str:
        """The software that opens written models, and how to get it, if it is not installed; "" if it is.

        A model that cannot be opened is written without being compared with its original.
        """
        return ""

    def supported(self, programs: Sequence[Program]) -> Sequence[Program]:
        """The programs that the format can represent."""
        return programs

    def defaults(self, programs: Sequence[Program]) -> Sequence[Program]:
        """Of the supported programs, those written by default."""
        return programs if self.several else programs[:1]

    def file_name(self, program: Program) -> str:
        """The file name of one program in a folder of several."""
        return f"{program.name}{self.suffix}"

    @abstractmethod
    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        """Write the programs to a new path.

        Args:
            about: the model's description, stored as JSON inside the file or next to it

        Raises:
            ExportError: an operation of a program cannot be converted.
        """

    @abstractmethod
    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        """Open a written model as a function of a program's name and its input arrays."""

    @abstractmethod
    def about(self, path: Path) -> str:
        """Read the description of a written model, as JSON."""
