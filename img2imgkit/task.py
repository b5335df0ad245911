"""The contract that a method implements: its options, networks, losses, and how it translates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from img2imgkit.config import Config
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras
    import numpy as np

Tensor = Any
Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Networks:
    """The networks of one task, by role. Every trainable variable belongs to exactly one player.

    ``translate`` may use generators only: a bundle holds no others.
    """

    generators: Mapping[str, keras.Model]
    critics: Mapping[str, keras.Model] = field(default_factory=dict)
    frozen: Mapping[str, keras.Model] = field(default_factory=dict)

    def __getitem__(self, role: str) -> keras.Model:
        for player in (self.generators, self.critics, self.frozen):
            if role in player:
                return player[role]
        raise KeyError(role)


@dataclass(frozen=True)
class Condition:
    """An input of a translation besides the picture; ``Conditional`` says what the networks get of it.

    Attributes:
        kind: what a user gives. "map": ids of the picture's size, such as instances, which come with the picture.
            "pictures": one or more pictures that ``Conditional.encode`` turns into a code, which can be kept in a file.
            "value": a number or a text. "attributes": a file that says which attributes each picture has.
        description: what it is, for users
        required: whether a translation without it is refused
        each: all values there are, where a user may want every one of them
        size: height and width that pictures are resized to before they are encoded; None: as they are
        parse: turns a stated value into what ``condition_arrays`` takes; a ValueError says what is wrong with it
    """

    kind: Literal["map", "pictures", "value", "attributes"]
    description: str
    required: bool = False
    each: tuple[str, ...] = ()
    size: int | None = None
    parse: Callable[[Any], Any] | None = None


class Task(ABC):
    """One method as it is trained and run.

    Batches hold NHWC float32 in [-1, 1] under the keys of the data kind that ``data`` names. A loss gives one number
    per image, shape (N,); the trainer alone reduces. Randomness that defines the problem comes in the batch.
    """

    name: ClassVar[str]
    data: ClassVar[str]  # the name of a data kind
    keeps_grey: ClassVar[bool] = False  # a grey picture comes back grey, as when enlarged; otherwise in colours made up
    order: ClassVar[tuple[str, ...]] = ("generators", "critics")  # who moves first in a step
    refresh_fakes: ClassVar[bool] = False  # run ``forward`` again after the generators' update, for the critics' one
    training: ClassVar[Mapping[str, Any]] = {}  # the paper's values for ``training:``; a training file overrides each

    class Options(Config):
        """Architecture and behaviour."""

    class Weights(Config):
        """One coefficient per loss term; the field names are the terms' names."""

    class Choices(Config):
        """What a user may choose for each translation, such as its direction; the networks do not depend on it."""

    def __init__(
        self, options: Config | None = None, weights: Config | None = None, choices: Config | None = None
    ) -> None:
        self.options: Any = options or self.Options()
        self.weights: Any = weights or self.Weights()
        self.choices: Any = choices or self.Choices()

    @abstractmethod
    def build(self) -> Networks:
        """New networks with fresh weights."""

    @abstractmethod
    def geometry(self) -> Geometry:
        """How a translation maps sizes; ``check_task`` proves it by running the network."""

    def minimum_crop(self) -> int:
        """The smallest height and width of a training image; critics may need more than ``translate`` does."""
        return self.geometry().minimum

    def frozen(self) -> Mapping[str, keras.Model]:
        """Networks that only training needs, and that stand still, such as of a perceptual loss; in no bundle.

        Raises:
            InteropError: their weights are not there.
        """
        return {}

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        """What does not fit these options in the data of a training, such as names of domains; nothing when all does.

        Args:
            data: the reader's description, see ``docs/data.md``
        """
        return ()

    def example_data(self) -> Mapping[str, Any]:
        """What a reader's description would say of data that fit these options; ``check_task`` makes batches of it.

        Only what the data kind asks for in ``example_fields``, and what the batches' shapes depend on, such as the
        names of classes or the size of pictures.
        """
        return {}

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """The random numbers that one image's losses need; they join its batch under keys of their own.

        Shapes:
            sample: one image under the data kind's keys, without the batch's axis
        """
        return {}

    def history(self) -> Mapping[str, int]:
        """Which of ``forward``'s images the critics see through a pool of older ones, and how many each pool holds.

        A full pool gives each new image back as it is, or in its place an older one, with equal chance (Shrivastava et
        al. 2017, https://arxiv.org/abs/1612.07828, section 2.3, in the form of CycleGAN's official code).
        """
        return {}

    def prepare(self, batch: Batch) -> Batch:
        """What the networks see of a batch, when it is not the batch itself. Called once per step, outside the tape."""
        return batch

    @abstractmethod
    def forward(self, nets: Networks, batch: Batch) -> Mapping[str, Tensor]:
        """The generators' images for one batch, in training mode."""

    @abstractmethod
    def generator_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The generators' terms, (N,) each, named as fields of ``Weights``; one whose weight is 0 may be left out."""

    def critic_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The critics' terms, (N,) each; ``out`` carries no gradient. None without critics."""
        return {}

    def critic_penalties(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """Further terms of the critics, on their gradients; a user may want them in each n-th move only."""
        return {}

    def on_train_end(self, nets: Networks, samples: Iterable[Batch]) -> None:
        """Fill what only a finished training knows, in ``nets`` as they go into its bundle; ``samples`` is its data.

        Shapes:
            samples: batches of one image, each image of the data once
        """

    @abstractmethod
    def translate(self, nets: Networks, inputs: Batch) -> Tensor:
        """The output for ``inputs["source"]``, in inference mode, as ``choices`` say.

        Shapes:
            inputs["source"]: (N, H, W, C) in [-1, 1], or ids of a label map
                -> (N, scale * H, scale * W, written channels)
            further inputs: conditions that are maps, (N, H, W, 1) float32 ids; codes and the arrays of
                ``condition_arrays``, each with a batch axis
        """


class Conditional(ABC):
    """What a task implements, besides ``Task``, whose translations take more than a picture."""

    @abstractmethod
    def conditions(self) -> Mapping[str, Condition]:
        """The further inputs of a translation, by name."""

    def encode(self, nets: Networks, condition: str, pictures: Tensor) -> Tensor:
        """One code for each picture of a condition of kind "pictures"; ``inputs[condition]`` is the mean of several.

        Shapes:
            pictures: (N, H, W, C) in [-1, 1] -> (N, D)
        """
        raise NotImplementedError(f"{type(self).__name__} has no pictures to encode")

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        """The arrays that join ``translate``'s inputs for one picture, from the conditions that a user gave for it.

        Called for every picture, and also when nothing is given. Codes and maps join without being returned; a code
        that is given replaces an array of the same name.

        Shapes:
            given: conditions of kind "value" as parsed; "attributes" as names and whether the picture has them; "map",
                and "label" of semantic data, as (H, W, 1) int32 ids
            -> vectors (D,), or maps (H, W, C) of the picture's size, which is continued where it is; all float32
        Raises:
            ValueError: the conditions contradict each other, or are not enough.
        """
        return {}
