"""The receptive field of super-resolution networks, from their sequence of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONVOLUTION = 1  # a 3x3 convolution; a larger number is an upsampling factor


@dataclass(frozen=True)
class Windows:
    """A step in which each pixel depends on all pixels of its window.

    Attributes:
        side: height and width of a window
        shift: pixels by which the windows are shifted from the image's corner
    """

    side: int
    shift: int = 0

    def around(self, first: int, last: int) -> tuple[int, int]:
        """The first and the last pixel of the windows that contain a range of pixels."""
        start = (first - self.shift) // self.side * self.side
        return start + self.shift, (last - self.shift) // self.side * self.side + self.side - 1 + self.shift


Step = int | Windows


def enlargement_problem(scale: int) -> str:
    """Why the official networks have no upsampling steps for a scale; empty if they have."""
    known = scale == 3 or (scale > 0 and not scale & (scale - 1))
    return "" if known else f"scale {scale}: expected 3 or a power of 2"


def enlargements(scale: int) -> list[int]:
    """The upsampling steps of the official networks: one by 3, or several by 2.

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.
    """
    if problem := enlargement_problem(scale):
        raise ValueError(problem)
    return [3] if scale == 3 else [2] * (scale.bit_length() - 1)


def receptive_radius(steps: Sequence[Step], unshuffle: int = 1) -> int:
    """The receptive radius in input pixels: the distance to the furthest one that affects a pixel's output.

    Args:
        steps: 3x3 convolutions, windows and upsampling factors from input to output, along the longest path
        unshuffle: factor of the pixel unshuffle before the first step

    Example:
        >>> receptive_radius([CONVOLUTION, CONVOLUTION, 2])
        2
        >>> receptive_radius([Windows(8), Windows(8, 4)])
        11
    """
    scale = math.prod(step for step in steps if isinstance(step, int)) // unshuffle
    period = math.lcm(unshuffle, *(unshuffle * step.side for step in steps if isinstance(step, Windows)))
    furthest = 0
    for place in range(period):  # of the pixel in its block or window
        first, last = place * scale, (place + 1) * scale - 1
        for step in reversed(steps):
            first, last = _before(step, first, last)
        furthest = max(furthest, place - unshuffle * first, unshuffle * (last + 1) - 1 - place)
    return furthest


def _before(step: Step, first: int, last: int) -> tuple[int, int]:
    """The range of a step's input that a range of its output depends on."""
    if isinstance(step, Windows):
        return step.around(first, last)
    return (first - 1, last + 1) if step == CONVOLUTION else (first // step, last // step)
