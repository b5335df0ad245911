"""The options that every critic has, and the terms they make of its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from img2imgkit.config import Config

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PIX2PIX_TRAINING", "Adversary", "Judge"]

_PLAYER = {
    "optimizer": {"kind": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
    "schedule": {"kind": "linear", "after": 0.5},
}
# ``Task.training`` of pix2pix and of those that came after it
PIX2PIX_TRAINING: Mapping[str, Any] = {"ema": None, "generators": _PLAYER, "critics": _PLAYER}

Tensor = Any
Scores = Any  # a tensor (N, ...), or a list of them, one per scale
Judge = Callable[[Tensor], Scores]


class Adversary(Config):
    """How generators and a critic play against each other.

    A critic sees ``real`` and ``fake``: images, or images behind their source on the last axis, (N, H, W, C) in
    [-1, 1]. ``judge`` gives its scores. Every term is one number per image, (N,) float32; of several scales, their
    mean. The random numbers that ``draw`` makes come back in the batch; critics that share one differ in ``name``.
    """

    loss: Literal["vanilla", "lsgan", "hinge", "wasserstein"] = Field(
        default="lsgan", description="what the critic's scores cost"
    )
    relativistic: bool = Field(default=False, description="judge each image against the average of the other side")
    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="how far below 1 the critic's label of real images lies; vanilla and lsgan"
    )
    penalty: Literal["none", "wgan_gp", "r1", "r2", "dragan", "zero_centred"] = Field(
        default="none", description="what the critic's gradients cost, and where they are taken"
    )
    augment: tuple[Literal["color", "translation", "cutout"], ...] = Field(
        default=(), description="changes that the critic sees all images through, in this order (DiffAugment)"
    )
    spectral: bool = Field(default=False, description="spectral normalisation of the critic's weights")

    @model_validator(mode="after")
    def _consistent(self) -> Adversary:
        if self.smoothing and self.loss not in ("vanilla", "lsgan"):
            raise ValueError(f"smoothing {self.smoothing:g} needs labels, which {self.loss} has not: leave it out")
        if len(set(self.augment)) < len(self.augment):
            raise ValueError(f"augment names a change twice: {', '.join(self.augment)}")
        return self

    def draw(self, random: np.random.Generator, shape: Sequence[int], name: str = "critic") -> dict[str, np.ndarray]:
        """The numbers in [0, 1) that one image's terms need, and no others.

        Shapes:
            shape: of what the critic sees of one image, (H, W, C)
        """
        from img2imgkit.nn.augment import NUMBERS

        drawn: dict[str, np.ndarray] = {change: random.random(NUMBERS[change], "float32") for change in self.augment}
        if self.penalty in ("wgan_gp", "dragan", "zero_centred"):
            drawn["mix"] = random.random((), "float32")
        if self.penalty == "dragan":
            drawn["noise"] = random.random(tuple(shape), "float32")
        return {f"{name}_{what}": numbers for what, numbers in drawn.items()}

    def generator(
        self, judge: Judge, fake: Tensor, real: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> Tensor:
        """What the generator pays for being seen through; ``real`` is judged only where the loss is relativistic."""
        judged = self.through(judge, batch, name)
        of_fake = judged(fake)
        return self.generator_loss(of_fake, judged(real) if self.relativistic else of_fake)

    def critic(
        self, judge: Judge, real: Tensor, fake: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> tuple[Tensor, Tensor]:
        """What the critic pays for the real images, and for the generated."""
        judged = self.through(judge, batch, name)
        return self.critic_losses(judged(real), judged(fake))

    def penalise(
        self, judge: Judge, real: Tensor, fake: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> Tensor:
        """What the critic pays for its gradients in what it sees, before augmentation; zeros without a penalty."""
        from keras import ops

        from img2imgkit.losses import dragan_points, gradient_penalty, interpolate, squared_gradient

        judged = self.through(judge, batch, name)

        def total(x: Tensor) -> Tensor:
            return sum(ops.sum(ops.cast(scores, "float32")) for scores in _scales(judged(x)))

        match self.penalty:
            case "wgan_gp":
                return gradient_penalty(total, interpolate(real, fake, batch[f"{name}_mix"]))
            case "dragan":
                return gradient_penalty(total, dragan_points(real, batch[f"{name}_noise"], batch[f"{name}_mix"]))
            case "zero_centred":
                return squared_gradient(total, interpolate(real, fake, batch[f"{name}_mix"]))
            case "r1":
                return squared_gradient(total, real)
            case "r2":
                return squared_gradient(total, fake)
        return ops.zeros(ops.shape(real)[:1], "float32")

    def through(self, judge: Judge, batch: Mapping[str, Tensor], name: str = "critic") -> Judge:
        """The judge behind the augmentation, which is the same for the real and the fake image of one place."""
        from img2imgkit.nn import augment

        changes = {"color": augment.color, "translation": augment.translation, "cutout": augment.cutout}

        def judged(x: Tensor) -> Scores:
            for change in self.augment:
                x = changes[change](x, batch[f"{name}_{change}"])
            return judge(x)

        return judged

    def generator_loss(self, of_fake: Scores, of_real: Scores) -> Tensor:
        """``generator`` from scores, for tasks that take more than scores from their critic.

        A relativistic generator pays for both sides, the mean of the two, so that it pays no more than another.
        """
        from img2imgkit import losses

        pays = getattr(losses, self.loss)
        if self.relativistic:
            sides = (
                losses.relativistic(pays, fakes, reals, True) + losses.relativistic(pays, reals, fakes, False)
                for fakes, reals in zip(_scales(of_fake), _scales(of_real), strict=True)
            )
            return _mean([both / 2 for both in sides])
        if self.loss == "hinge":
            pays = losses.wasserstein
        return _mean([pays(scores, True) for scores in _scales(of_fake)])

    def critic_losses(self, of_real: Scores, of_fake: Scores) -> tuple[Tensor, Tensor]:
        """``critic`` from scores, for tasks that take more than scores from their critic."""
        from img2imgkit import losses

        pays = getattr(losses, self.loss)
        label = {"smoothing": self.smoothing} if self.smoothing else {}
        pairs = list(zip(_scales(of_real), _scales(of_fake), strict=True))
        if self.relativistic:
            real = [losses.relativistic(pays, reals, fakes, True, **label) for reals, fakes in pairs]
            fake = [losses.relativistic(pays, fakes, reals, False) for reals, fakes in pairs]
        else:
            real = [pays(reals, True, **label) for reals, _ in pairs]
            fake = [pays(fakes, False) for _, fakes in pairs]
        return _mean(real), _mean(fake)


def _scales(scores: Scores) -> Sequence[Tensor]:
    return scores if isinstance(scores, list | tuple) else (scores,)


def _mean(terms: Sequence[Tensor]) -> Tensor:
    return sum(terms[1:], terms[0]) / len(terms)
