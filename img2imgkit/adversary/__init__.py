"""Adversarial training: a critic's options, and the losses, gradient penalties and augmentations to choose from.

The built-in ones are registered through the same hooks as those of plugins; ``contract`` defines what to implement.
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.adversary.adversary import PIX2PIX_TRAINING, Adversary
from img2imgkit.adversary.augmentations import Color, Cutout, Translation
from img2imgkit.adversary.contract import (
    AdversarialLoss,
    AdversarialLossChoice,
    Augmentation,
    AugmentationChoice,
    Judge,
    Penalty,
    PenaltyChoice,
    PointwiseLoss,
)
from img2imgkit.adversary.formulas import Hinge, Lsgan, Relativistic, Vanilla, Wasserstein
from img2imgkit.adversary.penalties import R1, R2, Dragan, WganGp, ZeroCentred
from img2imgkit.hooks import hookimpl

__all__ = [
    "PIX2PIX_TRAINING",
    "R1",
    "R2",
    "AdversarialLoss",
    "AdversarialLossChoice",
    "Adversary",
    "Augmentation",
    "AugmentationChoice",
    "Color",
    "Cutout",
    "Dragan",
    "Hinge",
    "Judge",
    "Lsgan",
    "Penalty",
    "PenaltyChoice",
    "PointwiseLoss",
    "Relativistic",
    "Translation",
    "Vanilla",
    "Wasserstein",
    "WganGp",
    "ZeroCentred",
]


@hookimpl
def register_adversarial_losses(register: Callable[[type[AdversarialLoss]], None]) -> None:
    """Register the built-in adversarial losses."""
    for loss in (Vanilla, Lsgan, Hinge, Wasserstein, Relativistic):
        register(loss)


@hookimpl
def register_penalties(register: Callable[[type[Penalty]], None]) -> None:
    """Register the built-in gradient penalties."""
    for penalty in (WganGp, R1, R2, Dragan, ZeroCentred):
        register(penalty)


@hookimpl
def register_augmentations(register: Callable[[type[Augmentation]], None]) -> None:
    """Register the built-in augmentations."""
    for augmentation in (Color, Translation, Cutout):
        register(augmentation)
