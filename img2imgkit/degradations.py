"""Degradations as components: they make the low-quality input from which a task learns to restore a picture."""

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
    """One step from a sharp picture to its degraded version. It must not import Keras.

    Attributes:
        shrinks: whether it downscales the picture by the task's scale; exactly one step of a list does
    """

    shrinks: ClassVar[bool] = False

    @abstractmethod
    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        """Return the degraded picture, which must depend on the arguments alone.

        Args:
            scale: the task's scale; before the step that shrinks, height and width are multiples of it
            random: the only source of random numbers
        Shapes:
            levels: (H, W, 3) uint8 -> (H, W, 3) uint8; (H / scale, W / scale, 3) if the step shrinks
        """

    @abstractmethod
    def description(self, scale: int) -> str:
        """Describe the step and its options, for the training record."""


class DegradationChoice(Choice[Degradation]):
    """An installed degradation by name, with its options; see ``choice``."""

    catalog_kind = "degradations"


class BicubicMatlab(Degradation):
    """MATLAB's ``imresize``, bicubic and antialiased: the degradation of the standard benchmarks."""

    name = "bicubic-matlab"
    shrinks = True

    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return imresize(levels, Fraction(1, scale)) if scale > 1 else levels

    def description(self, scale: int) -> str:
        return f"bicubic x1/{scale} (MATLAB imresize), 8 bit"


def degrade(
    degradations: Sequence[Degradation], levels: np.ndarray, scale: int, random: np.random.Generator
) -> np.ndarray:
    """Apply every step, in order.

    Shapes:
        levels: (H, W, 3) uint8, multiples of ``scale`` -> (H / scale, W / scale, 3) uint8
    Raises:
        ValueError: a step returned a shape or dtype that violates the contract.
    """
    for step in degradations:
        height, width, channels = levels.shape
        divisor = scale if step.shrinks else 1
        levels, expected = step.apply(levels, scale, random), (height // divisor, width // divisor, channels)
        if levels.shape != expected or levels.dtype != np.uint8:
            raise ValueError(
                f"degradation {step.name!r} returned {levels.shape} {levels.dtype}, expected {expected} uint8"
            )
    return levels


def shrinking_problem(degradations: Sequence[Degradation], scale: int) -> str:
    """Why a list of steps does not fit a task of that scale; empty if it does."""
    shrinking = [step.name for step in degradations if step.shrinks]
    if len(shrinking) > 1:
        return f"only one step may shrink the picture: {', '.join(shrinking)}"
    if not shrinking and scale > 1:
        return f"one step must shrink the picture to 1/{scale}, such as {BicubicMatlab.name}"
    return ""


@hookimpl
def register_degradations(register: Callable[[type[Degradation]], None]) -> None:
    """Register the built-in degradations."""
    register(BicubicMatlab)
