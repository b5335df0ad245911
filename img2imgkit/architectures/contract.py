"""The contract of an architecture: options, network, geometry, and the layout of official checkpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
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
OfficialValues = Literal["unit", "levels"]
State = Mapping[str, "np.ndarray"]
Arguments = Mapping[str, Any]
Places = Iterable[tuple[str, str]]
"""Pairs of a module's name in a checkpoint and the name of the layer that its arrays are loaded into."""


@dataclass(frozen=True)
class NetworkSpec:
    """What a task decides about a network of any architecture.

    Attributes:
        channels: input channels
        out_channels: output channels; None: as many as input channels
        scale: upscaling factor
        norm: normalization layers; None: the architecture's default
        statistics: statistics of batch normalization at inference: running ones, or those of the image
        spectral: spectral normalization of the kernels
        code: length of the vector that conditions the network, or that an encoder returns, such as a style code or a
            label; None: no vector
        classes: number of classes that a critic tells apart
        size: height and width of training pictures; only for networks that depend on them
        widths: channels of each of several feature maps, for networks that read these instead of pictures
    """

    channels: int = 3
    out_channels: int | None = None
    scale: int = 1
    norm: Norm | None = None
    statistics: Statistics = "running"
    spectral: bool = False
    code: int | None = None
    classes: int | None = None
    size: tuple[int, int] | None = None
    widths: tuple[int, ...] = ()

    @property
    def written(self) -> int:
        """Output channels."""
        return self.channels if self.out_channels is None else self.out_channels

    @property
    def uses_image_statistics(self) -> bool:
        """Whether its normalization depends on the whole image at inference."""
        return self.norm == "instance" or (self.norm == "batch" and self.statistics == "image")


SPEC_FIELDS = tuple(field.name for field in fields(NetworkSpec))
_CONNECTIONS = ("code", "classes", "widths")  # fields that add inputs or outputs, so no network may ignore them


@dataclass(frozen=True)
class Assumption:
    """Something that a file does not state, and the value that is assumed for it.

    Attributes:
        option: name of the option, dotted if nested; "" if no option changes it
        value: the assumed value
        others: other possible values; empty if there are many
        text: a message for users
    """

    option: str
    value: Any
    others: tuple[Any, ...] = ()
    text: str = ""


def _no_assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    return ()


@dataclass(frozen=True)
class Checkpoint:
    """The layout of an architecture's official checkpoints.

    Attributes:
        recognise: infer the network's arguments (options and ``NetworkSpec`` fields) from names and shapes of a state
            dict; None for other architectures; what cannot be inferred gets the official default
        places: map modules of the state dict to layers of the model, for these arguments; layers of a network inside
            the model are named ``network/layer``
        clean: normalise the state dict: uniform names, our channel order, without unused arrays
        assumptions: what files with these arguments do not state
        yields_to: architectures that take precedence if they recognise the same file
    """

    recognise: Callable[[State], dict[str, Any] | None]
    places: Callable[[Arguments], Places]
    clean: Callable[[State], State] = dict
    assumptions: Callable[[Arguments], Iterable[Assumption]] = _no_assumptions
    yields_to: tuple[str, ...] = ()


class Architecture(Component, ABC):
    """A kind of network. Its fields are its options; a ``NetworkSpec`` states what a task decides.

    Only ``build`` may import Keras: options, geometry and recognition are used without loading a network.

    Attributes:
        name: the name in options, such as "unet"
        roles: what tasks use it for, such as "generator", "enlarger", "critic", "content-encoder"
        uses: the fields of ``NetworkSpec`` that its network depends on
        makes_pictures: whether its network maps an image or a feature map to an image, so that running it can prove
            ``geometry``; False for critics, encoders and the like
        checkpoint: layout of its official checkpoints; None: there are none
    """

    uses: ClassVar[tuple[str, ...]] = ("channels",)
    makes_pictures: ClassVar[bool] = True
    checkpoint: ClassVar[Checkpoint | None] = None

    @abstractmethod
    def build(self, spec: NetworkSpec) -> keras.Model:
        """Build the network with newly initialized weights."""

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """How the network maps sizes; of critics and encoders, their minimum. ``check_architecture`` runs it."""
        return Geometry(scale=spec.scale, radius=None, channels=spec.channels, output_channels=spec.out_channels)

    @property
    def official_values(self) -> OfficialValues:
        """Value range of pictures in the official code of an enlarger: [0, 1] ("unit"), or 0 to 255 ("levels")."""
        return "unit"

    def problem(self, spec: NetworkSpec) -> str:
        """Why the network cannot be built for ``spec``; empty if it can."""
        return ""

    def subnetworks(self) -> Mapping[str, Architecture]:
        """The networks inside the model that tasks can also choose separately, by the name of their layer."""
        return {}

    def arguments(self, spec: NetworkSpec) -> dict[str, Any]:
        """Return the options and the fields of ``spec`` that the network depends on as one mapping."""
        stated = {name: getattr(self, name) for name in type(self).model_fields}
        given = {name: value for name, value in asdict(spec).items() if name in self.uses}
        if given.get("norm", "") is None:
            del given["norm"]
        if "out_channels" in given:
            given["out_channels"] = spec.written
        return {**stated, **given}

    @classmethod
    def from_arguments(cls, arguments: Arguments) -> tuple[Self, NetworkSpec]:
        """The inverse of ``arguments``, for example for the result of a checkpoint's ``recognise``.

        Raises:
            ValidationError: an argument is not an option of this architecture, or its value is invalid.
        """
        own = {name: value for name, value in arguments.items() if name in cls.model_fields or name not in SPEC_FIELDS}
        spec = {name: value for name, value in arguments.items() if name not in own}
        return cls.model_validate(own), NetworkSpec(**spec)


class FeatureGenerator(Architecture, ABC):
    """An architecture of the role "feature-generator": features of its encoder can be read, as CUT's loss needs.

    The layers with features are numbered from 0; a tap is such a number.
    """

    @property
    @abstractmethod
    def taps(self) -> int:
        """The number of layers with features."""

    @abstractmethod
    def feature_sizes(self, taps: Sequence[int], size: tuple[int, int]) -> Sequence[tuple[int, int]]:
        """Height and width of the features at each tap, for an image of that height and width."""

    @abstractmethod
    def features(self, model: keras.Model, taps: Sequence[int]) -> keras.Model:
        """Return a model of the features, which shares the weights of ``model``.

        Shapes:
            (N, H, W, channels) -> a list of one (N, H_i, W_i, C_i) for each tap, also for a single tap, for which
                ``keras.Model`` would return the features themselves; see ``nn.ListModel``
        """


class CoarseToFineGenerator(Architecture, ABC):
    """An architecture of the role "coarse-to-fine" whose networks can be trained in stages.

    Its networks are those layers of the model that are a ``keras.Model``; together they have all of its weights. Tasks
    train each of them as a network of its own, with the layer's name as its role, so that a stage can freeze it and
    another training can continue from it. Other architectures of this role are trained as one network, "generator".
    """

    @staticmethod
    @abstractmethod
    def image(networks: Mapping[str, Any], source: Any, training: bool = False) -> Any:
        """The image that the model's networks produce together.

        Args:
            networks: the model's networks by name; there may be others

        Shapes:
            source: (N, H, W, channels) -> (N, H, W, out_channels) in [-1, 1]
        """


class ArchitectureChoice(Choice[Architecture]):
    """An installed architecture by name, with its options; see ``choice``."""

    catalog_kind = "architectures"

    def build(self, spec: NetworkSpec) -> keras.Model:
        """Build the network with newly initialized weights."""
        backend.load()  # quietly, before the network's module imports Keras
        return self.chosen.build(spec)

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """How the network maps sizes."""
        return self.chosen.geometry(spec)

    def check(self, spec: NetworkSpec, option: str) -> None:
        """Verify that the network can be built; tasks call this in ``check_choices`` of their options.

        Args:
            option: the name of the option, for the error

        Raises:
            ValueError: the architecture cannot be built for ``spec``, or has no use for a part of it.
        """
        uses = type(self.chosen).uses
        ignored = next((name for name in _CONNECTIONS if getattr(spec, name) and name not in uses), None)
        unused = f"{ignored}: the task states {getattr(spec, ignored)}, which it cannot take" if ignored else ""
        if problem := unused or self.chosen.problem(spec):
            raise ValueError(f"{option}: {self.kind!r} cannot be built: {problem}")
