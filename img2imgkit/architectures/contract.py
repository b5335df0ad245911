"""The contract of an architecture: its options, its network, its geometry, and how official checkpoints of it look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from img2imgkit import backend
from img2imgkit.components import Choice, Component
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras
    import numpy as np

Norm = Literal["batch", "instance", "none"]
Statistics = Literal["running", "image"]
State = Mapping[str, "np.ndarray"]
Arguments = Mapping[str, Any]
Places = Iterable[tuple[str, str]]
"""Pairs of a module's name in a checkpoint and the name of the layer that its arrays belong to."""


@dataclass(frozen=True)
class NetworkSpec:
    """What a task decides about a network, whatever its architecture.

    Attributes:
        channels: that it reads
        out_channels: that it writes; None: as many as it reads
        scale: how many times as high and wide the output is
        norm: normalization of its layers; None: the architecture's own
        statistics: of batch normalization at inference: the running ones, or those of the image
        spectral: spectral normalization of its kernels
    """

    channels: int = 3
    out_channels: int | None = None
    scale: int = 1
    norm: Norm | None = None
    statistics: Statistics = "running"
    spectral: bool = False

    @property
    def written(self) -> int:
        """Channels that it writes."""
        return self.channels if self.out_channels is None else self.out_channels

    @property
    def sees_all(self) -> bool:
        """Whether its normalization looks at the whole picture at inference."""
        return self.norm == "instance" or (self.norm == "batch" and self.statistics == "image")


SPEC_FIELDS = tuple(field.name for field in fields(NetworkSpec))


@dataclass(frozen=True)
class Assumption:
    """Something that a file does not state, and the value that was taken for it.

    Attributes:
        option: its name, dotted where it is nested; "" where no option changes it
        value: that was taken
        others: values that are possible as well; empty where any may be
        text: a sentence for users
    """

    option: str
    value: Any
    others: tuple[Any, ...] = ()
    text: str = ""


def _no_assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    return ()


@dataclass(frozen=True)
class Checkpoint:
    """How the official code's checkpoints of an architecture look.

    Attributes:
        recognise: reads the network's arguments (options and ``NetworkSpec`` fields) off names and shapes of a state
            dict; None when it is of another architecture. What leaves no trace has the official default
        places: which module of the state dict is which layer of the model, for these arguments; a layer of a network
            inside of the model is called by that network's name, a slash and its own
        clean: the state dict with uniform names, less what no network reads, and in our order of channels
        assumptions: what no file of these arguments states
        yields_to: architectures that take precedence where they recognise the same file
    """

    recognise: Callable[[State], dict[str, Any] | None]
    places: Callable[[Arguments], Places]
    clean: Callable[[State], State] = dict
    assumptions: Callable[[Arguments], Iterable[Assumption]] = _no_assumptions
    yields_to: tuple[str, ...] = ()


class Architecture(Component, ABC):
    """A kind of network. Its fields are its options; what a task decides about it comes as a ``NetworkSpec``.

    Only ``build`` may import Keras: options, geometry and recognition are asked where no network is loaded.

    Attributes:
        name: what options call it, such as "unet"
        roles: what tasks use it as, such as "generator", "enlarger", "critic", "encoder"
        uses: the fields of ``NetworkSpec`` that its network depends on
        checkpoint: how official checkpoints of it look; None: there are none
    """

    uses: ClassVar[tuple[str, ...]] = ("channels",)
    checkpoint: ClassVar[Checkpoint | None] = None

    @abstractmethod
    def build(self, spec: NetworkSpec) -> keras.Model:
        """The network with fresh weights."""

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """How the network maps sizes, as ``check_architecture`` proves by running; of critics only the minimum."""
        return Geometry(scale=spec.scale, radius=None, channels=spec.channels, output_channels=spec.out_channels)

    def problem(self, spec: NetworkSpec) -> str:
        """Why no network of this kind can be built for ``spec``; empty when one can."""
        return ""

    def arguments(self, spec: NetworkSpec) -> dict[str, Any]:
        """The options and the fields of ``spec`` that the network depends on, as one mapping."""
        stated = {name: getattr(self, name) for name in type(self).model_fields}
        given = {name: value for name, value in asdict(spec).items() if name in self.uses}
        if given.get("norm", "") is None:
            del given["norm"]
        if "out_channels" in given:
            given["out_channels"] = spec.written
        return {**stated, **given}

    @classmethod
    def from_arguments(cls, arguments: Arguments) -> tuple[Self, NetworkSpec]:
        """The inverse of ``arguments``, such as for those that a checkpoint's ``recognise`` found.

        Raises:
            ValidationError: an argument is no option of this architecture, or of a value that is not allowed.
        """
        own = {name: value for name, value in arguments.items() if name in cls.model_fields or name not in SPEC_FIELDS}
        spec = {name: value for name, value in arguments.items() if name not in own}
        return cls.model_validate(own), NetworkSpec(**spec)


class ArchitectureChoice(Choice[Architecture]):
    """An installed architecture by name, with its options; see ``choice``."""

    catalog_kind = "architectures"

    def build(self, spec: NetworkSpec) -> keras.Model:
        """The network with fresh weights."""
        backend.load()  # quietly, before the network's module imports Keras
        return self.chosen.build(spec)

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """How the network maps sizes."""
        return self.chosen.geometry(spec)
