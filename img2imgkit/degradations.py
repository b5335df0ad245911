"""Degradations as components: how sharp pictures are spoiled, so that a task learns to restore them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np

from img2imgkit.components import Choice, Component
from img2imgkit.hooks import hookimpl
from img2imgkit.images.matlab import imresize

__all__ = ["BicubicMatlab", "Degradation", "DegradationChoice", "degrade", "shrinking_problem"]


class Degradation(Component, ABC):
    """One step from a sharp picture to the degraded one. It may not import Keras.

    Attributes:
        shrinks: whether it makes the picture smaller by the task's scale; exactly one step of a list does
    """

    shrinks: ClassVar[bool] = False

    @abstractmethod
    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        """The degraded picture, a function of the arguments alone.

        Args:
            scale: the task's; height and width are multiples of it before the step that shrinks
            random: where every random number comes from
        Shapes:
            levels: (H, W, 3) uint8 -> (H, W, 3) uint8; of a step that shrinks (H / scale, W / scale, 3)
        """

    @abstractmethod
    def description(self, scale: int) -> str:
        """What it did, with its options, for the training record."""


class DegradationChoice(Choice[Degradation]):
    """An installed degradation by name, with its options; see ``choice``."""

    catalog_kind = "degradations"


class BicubicMatlab(Degradation):
    """Shrink as MATLAB's ``imresize`` does, bicubic and antialiased; the degradation of the field's benchmarks."""

    name = "bicubic-matlab"
    shrinks = True

    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return imresize(levels, Fraction(1, scale)) if scale > 1 else levels

    def description(self, scale: int) -> str:
        return f"bicubic x1/{scale} (MATLAB imresize), 8 bit"


def degrade(
    degradations: Sequence[Degradation], levels: np.ndarray, scale: int, random: np.random.Generator
) -> np.ndarray:
    """The picture after every step, in order.

    Shapes:
        levels: (H, W, 3) uint8, multiples of ``scale`` -> (H / scale, W / scale, 3) uint8
    Raises:
        ValueError: a step returned another shape or dtype than the contract says.
    """
    for step in degradations:
        height, width, channels = levels.shape
        part = scale if step.shrinks else 1
        levels, wanted = step.apply(levels, scale, random), (height // part, width // part, channels)
        if levels.shape != wanted or levels.dtype != np.uint8:
            raise ValueError(
                f"degradation {step.name!r} returned {levels.shape} {levels.dtype}, where {wanted} uint8 is needed"
            )
    return levels


def shrinking_problem(degradations: Sequence[Degradation], scale: int) -> str:
    """What is wrong with a list of steps for a task of that scale; empty if nothing is."""
    shrinking = [step.name for step in degradations if step.shrinks]
    if len(shrinking) > 1:
        return f"only one step may shrink the picture: {', '.join(shrinking)}"
    if not shrinking and scale > 1:
        return f"one step must shrink the picture to 1/{scale}, such as {BicubicMatlab.name}"
    return ""


@hookimpl
def register_degradations(register: Callable[[type[Degradation]], None]) -> None:
    """Register the degradations that come with img2imgkit."""
    register(BicubicMatlab)
