"""The contracts of what an adversary is made of: adversarial losses, gradient penalties and augmentations."""

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
    """What the critic's scores of real and generated images cost either player.

    Scores are the critic's raw outputs at one scale, of any rank and any dtype, such as maps of patches. Losses are
    computed in float32. Only the methods may import Keras.
    """

    @abstractmethod
    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        """The generator's loss. ``of_real`` holds the scores of real images only if ``compares`` is true.

        Shapes:
            (N, ...) each -> (N,) float32
        """

    @abstractmethod
    def critic(self, of_real: Tensor, of_fake: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's loss on real images, and on generated ones.

        Shapes:
            (N, ...) each -> (N,) float32 each
        """

    @property
    def compares(self) -> bool:
        """Whether the generator's loss depends on the scores of real images."""
        return False

    @property
    def unbounded(self) -> bool:
        """Whether the critic's loss has no minimum, so that the critic needs a penalty or clipped weights."""
        return False


class PointwiseLoss(AdversarialLoss, ABC):
    """An adversarial loss that is a function of each score alone. ``Relativistic`` takes any of these.

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
        """``cost`` as the critic pays it, for example with smoothed labels."""
        return self.cost(scores, real)

    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        return self.cost(of_fake, True)

    def critic(self, of_real: Tensor, of_fake: Tensor) -> tuple[Tensor, Tensor]:
        return self.critic_cost(of_real, True), self.critic_cost(of_fake, False)


class Penalty(Component, ABC):
    """What the gradient of the critic's scores costs the critic. Only the call may import Keras."""

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> Mapping[str, np.ndarray]:
        """The random numbers that the penalty needs for one image, by name; none by default.

        Shapes:
            shape: of what the critic sees of one image, (H, W, C)
        """
        return {}

    @abstractmethod
    def __call__(
        self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, drawn: Mapping[str, Tensor]
    ) -> Tensor:
        """The penalty, without its weight.

        Args:
            critic: from images to the sum of all their scores, (N, H, W, C) -> () float32
            drawn: what ``draw`` gave, of all images together, (N, ...)
        Shapes:
            real, fake: what the critic sees, (N, H, W, C) in [-1, 1] -> (N,) float32
        """


class Augmentation(Component, ABC):
    """A differentiable change of all images on their way to the critic. Only the call may import Keras."""

    @abstractmethod
    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        """The random numbers of one image; real and generated images in the same place of a batch share them.

        Shapes:
            shape: of what the critic sees of one image, (H, W, C)
        """

    @abstractmethod
    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        """The changed images. Gradients, and their gradients, must pass.

        Args:
            drawn: what ``draw`` gave, of all images together, (N, ...)
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
