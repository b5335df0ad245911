"""Differentiable augmentation (Zhao et al. 2020, https://arxiv.org/abs/2006.10738), as strong as in its official code.

The operations are in ``nn.augment``. Random numbers are uniform in [0, 1) and independent of the image size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from img2imgkit.adversary.contract import Augmentation, Tensor

if TYPE_CHECKING:
    import numpy as np


class _Uniform(Augmentation):
    """An augmentation that needs a fixed number of random numbers for each image."""

    numbers: ClassVar[int]

    def draw(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        return random.random(self.numbers, "float32")


class Color(_Uniform):
    """Shift brightness by up to 0.5 either way, multiply saturation by 0 to 2 and contrast by 0.5 to 1.5."""

    name = "color"
    numbers = 3

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.color(image, drawn)


class Translation(_Uniform):
    """Shift by up to an eighth of each side, filled with 0."""

    name = "translation"
    numbers = 2

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.translation(image, drawn)


class Cutout(_Uniform):
    """Set a rectangle of half of each side, centred anywhere, to 0."""

    name = "cutout"
    numbers = 2

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.cutout(image, drawn)
