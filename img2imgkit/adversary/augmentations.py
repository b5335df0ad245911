"""Differentiable augmentation (Zhao et al. 2020, https://arxiv.org/abs/2006.10738), as strong as in its official code.

The images are computed in ``nn.augment``. Random numbers are uniform in [0, 1) and do not depend on the images' size.
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
    """Brightness by up to 0.5 either way, saturation times 0 to 2, contrast times 0.5 to 1.5."""

    name = "color"
    numbers = 3

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.color(image, drawn)


class Translation(_Uniform):
    """A shift by up to an eighth of each side; what moves in is 0."""

    name = "translation"
    numbers = 2

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.translation(image, drawn)


class Cutout(_Uniform):
    """A rectangle of half of each side, centred anywhere, becomes 0."""

    name = "cutout"
    numbers = 2

    def __call__(self, image: Tensor, drawn: Tensor) -> Tensor:
        from img2imgkit.nn import augment

        return augment.cutout(image, drawn)
