"""Losses as components: distances between two images, chosen by name. Their formulas are in ``losses``.

Options choose these; ``losses`` holds plain functions, which know no options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field

from img2imgkit.components import Choice, Component
from img2imgkit.hooks import hookimpl
from img2imgkit.losses import charbonnier, frobenius, l1, l2, ms_ssim_loss, ssim_loss

__all__ = ["L1", "L2", "Charbonnier", "Frobenius", "Loss", "LossChoice", "MsSsim", "Ssim"]

Tensor = Any


class Loss(Component, ABC):
    """A distance between two images. Only ``__call__`` may import Keras.

    Attributes:
        roles: "reconstruction" for losses that are smallest when the images are equal
        minimum: smallest height and width that the loss accepts
    """

    roles = ("reconstruction",)
    minimum: ClassVar[int] = 1

    @abstractmethod
    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each image from its target, differentiable with respect to the image.

        Shapes:
            image, target: (N, H, W, C) in [-1, 1] -> (N,) float32
        """


class LossChoice(Choice[Loss]):
    """An installed loss by name, with its options; see ``choice``."""

    catalog_kind = "losses"


class L1(Loss):
    """Mean absolute difference."""

    name = "l1"

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return l1(image, target)


class L2(Loss):
    """Mean squared difference."""

    name = "l2"

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return l2(image, target)


class Charbonnier(Loss):
    """L1, smooth at zero (Lai et al. 2017, https://arxiv.org/abs/1704.03915)."""

    name = "charbonnier"

    epsilon: float = Field(
        default=1e-3, gt=0, description="differences much smaller than this are penalised quadratically"
    )

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return charbonnier(image, target, self.epsilon)


class Frobenius(Loss):
    """Root of the summed squared difference."""

    name = "frobenius"

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return frobenius(image, target)


class Ssim(Loss):
    """One minus the structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""

    name = "ssim"
    minimum = 11

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return ssim_loss(image, target)


class MsSsim(Loss):
    """One minus multi-scale SSIM, over five scales (Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216)."""

    name = "ms_ssim"
    minimum = 176

    def __call__(self, image: Tensor, target: Tensor) -> Tensor:
        return ms_ssim_loss(image, target)


@hookimpl
def register_losses(register: Callable[[type[Loss]], None]) -> None:
    """Register the built-in losses."""
    for loss in (L1, L2, Charbonnier, Frobenius, Ssim, MsSsim):
        register(loss)
