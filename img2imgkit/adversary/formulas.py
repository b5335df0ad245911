"""The built-in adversarial losses; their formulas are in ``losses.adversarial``."""

from __future__ import annotations

from pydantic import Field

from img2imgkit.adversary.contract import AdversarialLoss, AdversarialLossChoice, PointwiseLoss, Tensor
from img2imgkit.components import choice
from img2imgkit.losses import hinge, lsgan, relativistic, vanilla, wasserstein


class _Labelled(PointwiseLoss):
    """A loss with labels for real and generated images."""

    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="one-sided label smoothing: how far real images' label is below 1"
    )


class Vanilla(_Labelled):
    """Cross entropy in its non-saturating form (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661)."""

    name = "vanilla"

    def cost(self, scores: Tensor, real: bool) -> Tensor:
        return vanilla(scores, real)

    def critic_cost(self, scores: Tensor, real: bool) -> Tensor:
        return vanilla(scores, real, self.smoothing)


class Lsgan(_Labelled):
    """Squared distance from the labels 1 and 0 (Mao et al. 2017, https://arxiv.org/abs/1611.04076)."""

    name = "lsgan"

    def cost(self, scores: Tensor, real: bool) -> Tensor:
        return lsgan(scores, real)

    def critic_cost(self, scores: Tensor, real: bool) -> Tensor:
        return lsgan(scores, real, self.smoothing)


class Hinge(PointwiseLoss):
    """Hinge loss (Lim and Ye 2017, https://arxiv.org/abs/1705.02894); the generator's loss is the negated score."""

    name = "hinge"

    def cost(self, scores: Tensor, real: bool) -> Tensor:
        return hinge(scores, real)

    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        return wasserstein(of_fake, True)


class Wasserstein(PointwiseLoss):
    """The scores themselves (Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875)."""

    name = "wasserstein"

    @property
    def unbounded(self) -> bool:
        return True

    def cost(self, scores: Tensor, real: bool) -> Tensor:
        return wasserstein(scores, real)


class Relativistic(AdversarialLoss):
    """Another loss, on each score relative to the mean score of the opposite kind of images over all devices.

    Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734, section 4. The generator's loss is the mean over real
    and generated images, so that its scale does not change.
    """

    name = "relativistic"

    loss: AdversarialLossChoice = choice("pointwise", Lsgan(), "loss on the relative scores")

    @property
    def compares(self) -> bool:
        return True

    @property
    def unbounded(self) -> bool:
        return self.loss.chosen.unbounded

    def generator(self, of_fake: Tensor, of_real: Tensor) -> Tensor:
        cost = self._pointwise.cost
        return (relativistic(cost, of_fake, of_real, True) + relativistic(cost, of_real, of_fake, False)) / 2

    def critic(self, of_real: Tensor, of_fake: Tensor) -> tuple[Tensor, Tensor]:
        cost = self._pointwise.critic_cost
        return relativistic(cost, of_real, of_fake, True), relativistic(cost, of_fake, of_real, False)

    @property
    def _pointwise(self) -> PointwiseLoss:
        chosen = self.loss.chosen
        if not isinstance(chosen, PointwiseLoss):
            raise TypeError(f"{chosen.name!r} has the role 'pointwise' but does not derive from PointwiseLoss")
        return chosen
