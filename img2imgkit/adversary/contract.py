"""The contracts of adversarial losses, gradient penalties and augmentations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from img2imgkit.components import Choice, Component

if TYPE_CHECKING:
    import numpy as np

Tensor = Any
Scores = Any  # a tensor (N, ...), or a list of them, one per scale
Judge = Callable[[Tensor], Scores]


class AdversarialLoss(Component, ABC):
    """A loss of generator and critic on the critic's scores of real and generated images.

    Scores are the critic's raw outputs at one scale, of any rank and any dtype, such as maps of patches. Losses are
    computed in float32. Only the methods may import Keras.
    """

    @abstractmethod
    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        """The generator's loss. ``of_real`` contains the scores of real images only if ``compares`` is true.

        Shapes:
            (N, ...) each -> (N,) float32
        """

    @abstractmethod
    def critic(self, of_real: Tensor, of_fake: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's losses on real images and on generated ones.

        Shapes:
            (N, ...) each -> (N,) float32 each
        """

    @property
    def compares(self) -> bool:
        """Whether the generator's loss depends on the scores of real images."""
        return False

    @property
    def unbounded(self) -> bool:
        """Whether the critic's loss has no lower bound, so that the critic needs a penalty or weight clipping."""
        return False


class PointwiseLoss(AdversarialLoss, ABC):
    """An adversarial loss that is a function of each score alone. ``Relativistic`` accepts any of these.

    A subclass implements ``cost``, and overrides the other methods only where they differ from it.
    """

    roles = ("pointwise",)

    @abstractmethod
    def cost(self, scores: Tensor, real: bool) -> Tensor:
        """The loss of scores that should say "real", or "generated".

        Shapes:
            (N, ...) -> (N,) float32
        """

    def critic_cost(self, scores: Tensor, real: bool) -> Tensor:
        """``cost`` for the critic, for example with smoothed labels."""
        return self.cost(scores, real)

    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        return self.cost(of_fake, True)

    def critic(self, of_real: Tensor, of_fake: Tensor) -> tuple[Tensor, Tensor]:
        return self.critic_cost(of_real, True), self.critic_cost(of_fake, False)


class Penalty(Component, ABC):
    """A penalty on the gradient of the critic's scores. Only ``__call__`` may import Keras."""

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> Mapping[str, np.ndarray]:
        """Draw the random numbers that the penalty needs for one image, by name; none by default.

        Shapes:
            shape: shape of the critic's input for one image, (H, W, C)
        """
        return {}

    @abstractmethod
    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, drawn: Mapping[str, Tensor]
    ) -> Tensor:
        """The penalty, without its weight.

        Args:
            critic: maps images to the sum of all their scores, (N, H, W, C) -> () float32
            drawn: the numbers from ``draw``, stacked over the batch, (N, ...)
        Shapes:
            real, fake: the critic's input, (N, H, W, C) in [-1, 1] -> (N,) float32
        """


class Augmentation(Component, ABC):
    """A differentiable augmentation of all images that the critic sees. Only ``__call__`` may import Keras."""

    @abstractmethod
    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        """Draw the random numbers of one image; real and generated images at the same batch position share them.

        Shapes:
            shape: shape of the critic's input for one image, (H, W, C)
        """

    @abstractmethod
    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        """Return the augmented images. First and second derivatives must exist.

        Args:
            drawn: the numbers from ``draw``, stacked over the batch, (N, ...)
        Shapes:
            image: (N, H, W, C) in [-1, 1]; if the critic is conditional, the condition comes first on the last axis
            -> the same shape and dtype
        """


class AdversarialLossChoice(Choice[AdversarialLoss]):
    """An installed adversarial loss by name, with its options; see ``choice``."""

    catalog_kind = "adversarial_losses"


class PenaltyChoice(Choice[Penalty]):
    """An installed gradient penalty by name, with its options; see ``choice``."""

    catalog_kind = "penalties"


class AugmentationChoice(Choice[Augmentation]):
    """An installed augmentation by name, with its options; see ``choice``."""

    catalog_kind = "augmentations"
