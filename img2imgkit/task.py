"""The contract of a method: options, networks, losses and translation."""

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

    ``translate`` may use generators only: a bundle contains no other networks.
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
    """An input of a translation besides the picture; ``Conditional`` turns it into arrays for the networks.

    Attributes:
        kind: the form of the input. "map": ids of the picture's size, such as instances, supplied with the picture.
            "pictures": pictures that ``Conditional.encode`` turns into a code, which can be saved to a file.
            "value": a number or a text. "attributes": a file that lists the attributes of each picture.
        description: explains the input to users
        required: whether a translation fails without it
        values: all possible values, if they can be enumerated; a pipeline can then produce one variant for each
        size: height and width that pictures are resized to before encoding; None keeps their size
        parse: converts a stated value for ``condition_arrays``; raises ValueError if it is invalid
    """

    kind: Literal["map", "pictures", "value", "attributes"]
    description: str
    required: bool = False
    values: tuple[str, ...] = ()
    size: int | None = None
    parse: Callable[[Any], Any] | None = None


class Task(ABC):
    """One image-to-image method, for training and inference.

    Batches contain NHWC float32 in [-1, 1] under the keys of the data kind named by ``data``. A loss returns one number
    per image, shape (N,); only the trainer reduces. Randomness that defines the problem is drawn into the batch.
    """

    name: ClassVar[str]
    data: ClassVar[str]  # the name of a data kind
    keeps_grey: ClassVar[bool] = False  # restoration: grey pictures stay grey instead of coming out in colour
    order: ClassVar[tuple[str, ...]] = ("generators", "critics")  # the order of updates within a step
    refresh_fakes: ClassVar[bool] = False  # run ``forward`` again after the generators' update, before the critics'
    training: ClassVar[Mapping[str, Any]] = {}  # the paper's values for ``training:``; training files can override them

    class Options(Config):
        """Architecture and behaviour."""

    class Weights(Config):
        """One coefficient per loss term; the field names are the terms' names."""

    class Choices(Config):
        """Settings of each translation, such as its direction; the networks do not depend on them."""

    def __init__(
        self, options: Config | None = None, weights: Config | None = None, choices: Config | None = None
    ) -> None:
        self.options: Any = options or self.Options()
        self.weights: Any = weights or self.Weights()
        self.choices: Any = choices or self.Choices()

    @abstractmethod
    def build(self) -> Networks:
        """Create the networks with freshly initialised weights."""

    @abstractmethod
    def geometry(self) -> Geometry:
        """How a translation maps sizes; ``check_task`` verifies it by running the network."""

    def minimum_crop(self) -> int:
        """The minimum height and width of a training image; critics may need more than ``translate``."""
        return self.geometry().minimum

    def frozen(self) -> Mapping[str, keras.Model]:
        """Networks used by training only and never updated, such as the features of a perceptual loss; in no bundle.

        Raises:
            InteropError: their weights are missing.
        """
        return {}

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        """Problems of training data with these options, such as unknown domains; empty if the data fit.

        Args:
            data: the reader's description, see ``docs/data.md``
        """
        return ()

    def example_data(self) -> Mapping[str, Any]:
        """An example of a reader's description that fits these options; ``check_task`` generates batches from it.

        Only the fields listed in the data kind's ``example_fields`` and those that determine the batches' shapes, such
        as class names or picture sizes.
        """
        return {}

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Draw the random numbers that the losses of one image need; they join the batch under their own keys.

        Shapes:
            sample: one image under the data kind's keys, without the batch's axis
        """
        return {}

    def history(self) -> Mapping[str, int]:
        """The outputs of ``forward`` that critics see through an image history, each with the capacity of its pool.

        A full pool returns each new image or, with probability 1/2, swaps it for an older one (Shrivastava et
        al. 2017, https://arxiv.org/abs/1612.07828, section 2.3, as in CycleGAN's official code).
        """
        return {}

    def prepare(self, batch: Batch) -> Batch:
        """Preprocess a batch for the networks. Called once per step, outside the gradient tape."""
        return batch

    @abstractmethod
    def forward(self, nets: Networks, batch: Batch) -> Mapping[str, Tensor]:
        """Generate the images of one batch, in training mode."""

    @abstractmethod
    def generator_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The generators' loss terms, (N,) each, named like the fields of ``Weights``; weight 0 needs no term."""

    def critic_losses(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """The critics' loss terms, (N,) each; ``out`` carries no gradient. Empty without critics."""
        return {}

    def critic_penalties(self, nets: Networks, batch: Batch, out: Mapping[str, Tensor]) -> Terms:
        """Gradient penalties of the critics, (N,) each; a training can apply them every n-th update only."""
        return {}

    def on_train_end(self, nets: Networks, samples: Iterable[Batch]) -> None:
        """Set weights that depend on the finished training, before ``nets`` are saved as a bundle.

        Shapes:
            samples: the training data, as batches of one image, each image once
        """

    @abstractmethod
    def translate(self, nets: Networks, inputs: Batch) -> Tensor:
        """Translate ``inputs["source"]`` in inference mode, according to ``choices``.

        Shapes:
            inputs["source"]: (N, H, W, C) in [-1, 1], or ids of a label map
                -> (N, scale * H, scale * W, written channels)
            other inputs: conditions of kind "map", (N, H, W, 1) float32 ids; codes and the arrays of
                ``condition_arrays``, each with a batch axis
        """


class Conditional(ABC):
    """Implemented, besides ``Task``, by tasks whose translations have inputs other than the picture."""

    @abstractmethod
    def conditions(self) -> Mapping[str, Condition]:
        """The additional inputs of a translation, by name."""

    def encode(self, nets: Networks, condition: str, pictures: Tensor) -> Tensor:
        """Encode each picture of a condition of kind "pictures"; ``inputs[condition]`` is the mean over pictures.

        Shapes:
            pictures: (N, H, W, C) in [-1, 1] -> (N, D)
        """
        raise NotImplementedError(f"{type(self).__name__} has no condition of kind 'pictures'")

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        """Convert the conditions of one picture to arrays that join the inputs of ``translate``.

        Called for every picture, even without conditions. Codes and maps join automatically and need not be returned;
        a stated code replaces an array of the same name.

        Shapes:
            given: kind "value" as parsed; "attributes" as a mapping of names to whether the picture has them; "map",
                and the "label" of semantic data, as (H, W, 1) int32 ids
            -> vectors (D,), or maps (H, W, C) of the picture's size, padded together with it; all float32
        Raises:
            ValueError: the conditions contradict each other or are incomplete.
        """
        return {}
