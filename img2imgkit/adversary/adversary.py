"""The options of every critic, and the losses computed from its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from img2imgkit.adversary.contract import (
    AdversarialLossChoice,
    AugmentationChoice,
    Judge,
    PenaltyChoice,
    Scores,
    Tensor,
)
from img2imgkit.adversary.formulas import Lsgan
from img2imgkit.backend import ops
from img2imgkit.components import choice
from img2imgkit.config import Config

if TYPE_CHECKING:
    import numpy as np

_PLAYER = {
    "optimizer": {"kind": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
    "schedule": {"kind": "linear", "after": 0.5},
}
# ``Task.training`` of pix2pix and its successors
PIX2PIX_TRAINING: Mapping[str, Any] = {"ema": None, "generators": _PLAYER, "critics": _PLAYER}


class Adversary(Config):
    """How generators and a critic train against each other.

    A critic sees ``real`` and ``fake``: images, or source and image concatenated on the last axis, (N, H, W, C) in [-1,
    1]. ``judge`` returns its scores. Every term is one number per image, (N,) float32, averaged over scales. The random
    numbers from ``draw`` are passed back in the batch; several critics in one batch need different names.
    """

    loss: AdversarialLossChoice = choice("", Lsgan(), "adversarial loss")
    penalty: PenaltyChoice | None = choice("", None, "gradient penalty of the critic")
    augment: tuple[AugmentationChoice, ...] = choice(
        "", (), "differentiable augmentations of all images that the critic sees, applied in this order"
    )
    spectral: bool = Field(default=False, description="spectral normalization of the critic's weights")

    @model_validator(mode="after")
    def _distinct(self) -> Adversary:
        kinds = [each.kind for each in self.augment]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"augment lists an augmentation twice: {', '.join(kinds)}")
        return self

    @property
    def compares(self) -> bool:
        """Whether the generator's loss depends on the scores of real images."""
        return self.loss.chosen.compares

    def draw(self, random: np.random.Generator, shape: Sequence[int], name: str = "critic") -> dict[str, np.ndarray]:
        """Draw the random numbers that the terms of one image need.

        Shapes:
            shape: shape of the critic's input for one image, (H, W, C)
        Raises:
            ValueError: the penalty and an augmentation use the same name for their random numbers.
        """
        drawn = {each.kind: each.chosen.draw(random, shape) for each in self.augment}
        if self.penalty:
            of_penalty = self.penalty.chosen.draw(random, shape)
            if shared := sorted(drawn.keys() & of_penalty):
                raise ValueError(f"penalty {self.penalty.kind!r} and an augmentation both draw {', '.join(shared)}")
            drawn |= of_penalty
        return {f"{name}_{what}": numbers for what, numbers in drawn.items()}

    def generator(
        self, judge: Judge, fake: Tensor, real: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> Tensor:
        """The generator's adversarial loss; ``real`` is scored only if the loss ``compares``."""
        judged = self.through(judge, batch, name)
        of_fake = judged(fake)
        return self.generator_loss(of_fake, judged(real) if self.compares else of_fake)

    def critic(
        self, judge: Judge, real: Tensor, fake: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> tuple[Tensor, Tensor]:
        """The critic's losses on real images and on generated ones."""
        judged = self.through(judge, batch, name)
        return self.critic_losses(judged(real), judged(fake))

    def penalise(
        self, judge: Judge, real: Tensor, fake: Tensor, batch: Mapping[str, Tensor], name: str = "critic"
    ) -> Tensor:
        """The critic's gradient penalty with respect to its input before augmentation; zeros without a penalty."""
        judged = self.through(judge, batch, name)

        def total(x: Tensor) -> Tensor:
            return sum(ops.sum(ops.cast(scores, "float32")) for scores in _scales(judged(x)))

        if self.penalty is None:
            return ops.zeros(ops.shape(real)[:1], "float32")
        drawn = {key.removeprefix(f"{name}_"): value for key, value in batch.items() if key.startswith(f"{name}_")}
        return self.penalty.chosen(total, real, fake, drawn)

    def through(self, judge: Judge, batch: Mapping[str, Tensor], name: str = "critic") -> Judge:
        """A judge that augments its input first, real and fake images at the same batch position alike."""

        def judged(x: Tensor) -> Scores:
            for each in self.augment:
                x = each.chosen(x, batch[f"{name}_{each.kind}"])
            return judge(x)

        return judged

    def generator_loss(self, of_fake: Scores, of_real: Scores) -> Tensor:
        """``generator`` from scores, for tasks that use more than the scores of their critic."""
        loss = self.loss.chosen
        pairs = zip(_scales(of_fake), _scales(of_real), strict=True)
        return _mean([loss.generator(fakes, reals) for fakes, reals in pairs])

    def critic_losses(self, of_real: Scores, of_fake: Scores) -> tuple[Tensor, Tensor]:
        """``critic`` from scores, for tasks that use more than the scores of their critic."""
        loss = self.loss.chosen
        pairs = zip(_scales(of_real), _scales(of_fake), strict=True)
        real, fake = zip(*(loss.critic(reals, fakes) for reals, fakes in pairs), strict=True)
        return _mean(real), _mean(fake)


def _scales(scores: Scores) -> Sequence[Tensor]:
    return scores if isinstance(scores, list | tuple) else (scores,)


def _mean(terms: Sequence[Tensor]) -> Tensor:
    return sum(terms[1:], terms[0]) / len(terms)
