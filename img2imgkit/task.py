"""The contract that a method implements: its options, networks, losses, and how it translates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from img2imgkit.config import Config

if TYPE_CHECKING:
    import keras

Tensor = Any
Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]
DataKind = Literal["paired", "unpaired", "labelled", "semantic", "few_shot", "degraded"]

BATCH_KEYS: Mapping[DataKind, tuple[str, ...]] = {
    "paired": ("source", "target"),
    "unpaired": ("a", "b"),
    "labelled": ("source", "label", "target_label"),
    "semantic": ("label", "target"),
    "few_shot": ("content", "class"),
    "degraded": ("source", "target"),
}


@dataclass(frozen=True)
class Networks:
    """The networks of one task, by role. Every trainable variable belongs to exactly one player."""

    generators: Mapping[str, keras.Model]
    critics: Mapping[str, keras.Model] = field(default_factory=dict)
    frozen: Mapping[str, keras.Model] = field(default_factory=dict)

    def __getitem__(self, role: str) -> keras.Model:
        for player in (self.generators, self.critics, self.frozen):
            if role in player:
                return player[role]
        raise KeyError(role)


@dataclass(frozen=True)
class Geometry:
    """How a translation maps sizes, in pixels of its input.

    Attributes:
        scale: the output is ``scale`` times as high and wide
        multiple: height and width must be multiples of this; the Translator pads by reflection and crops
        radius: how far the receptive field reaches around a pixel; None when every pixel sees the whole picture
            (global statistics such as instance norm), so that tiles cannot be exact
        channels: colour channels that the network reads and writes, 1 or 3
    """

    scale: int = 1
    multiple: int = 1
    radius: int | None = 0
    channels: int = 3


class Task(ABC):
    """One method as it is trained and run.

    Batches hold NHWC float32 in [-1, 1] under the keys that ``data`` names in ``BATCH_KEYS``. A loss gives one number
    per image, shape (N,); the trainer alone reduces. Randomness that defines the problem comes in the batch.
    """

    name: ClassVar[str]
    data: ClassVar[DataKind]
    order: ClassVar[tuple[str, ...]] = ("generators", "critics")  # who moves first in a step

    class Options(Config):
        """Architecture and behaviour."""

    class Weights(Config):
        """One coefficient per loss term; the field names are the terms' names."""

    def __init__(self, options: Config | None = None, weights: Config | None = None) -> None:
        self.options: Any = options or self.Options()
        self.weights: Any = weights or self.Weights()

    @abstractmethod
    def build(self) -> Networks:
        """New networks with fresh weights."""

    @abstractmethod
    def geometry(self) -> Geometry:
        """How a translation maps sizes; ``check_task`` proves it by running the network."""

    def prepare(self, batch: Batch) -> Batch:
        """What the networks see of a batch, when it is not the batch itself. Called once per step, outside the tape."""
        return batch

    @abstractmethod
    def forward(self, nets: Networks, batch: Batch) -> Mapping[str, Tensor]:
        """The generators' images for one batch, in training mode."""

    @abstractmethod
    def generator_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The generators' terms, (N,) each; their names are fields of ``Weights``."""

    def critic_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The critics' terms, (N,) each; ``out`` carries no gradient. None without critics."""
        return {}

    @abstractmethod
    def translate(self, nets: Networks, inputs: Batch) -> Tensor:
        """The output for inputs under the data kind's keys, in inference mode.

        Shapes:
            inputs["source"]: (N, H, W, C) in [-1, 1] -> (N, scale * H, scale * W, C)
        """
