"""How far an output pixel of an enlarging network sees, from the steps that the network takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

CONVOLUTION = 1  # a step of 3x3 pixels; any larger number enlarges so many times


def enlargements(scale: int) -> list[int]:
    """The steps in which the official networks enlarge: by 3 at once, or by 2 again and again.

    Raises:
        ValueError: ``scale`` is neither 3 nor a power of 2.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"scale {scale}: networks enlarge by 3, or by a power of 2")
    return [2] * (scale.bit_length() - 1)


def receptive_radius(steps: Sequence[int], unshuffle: int = 1) -> int:
    """How many input pixels away from an input pixel lies the furthest one that its output depends on.

    Args:
        steps: convolutions of 3x3 pixels, and enlargements, from the input to the output along the longest way
        unshuffle: the steps work on squares of so many input pixels

    Example:
        >>> receptive_radius([CONVOLUTION, CONVOLUTION, 2])
        2
    """
    scale = math.prod(steps) // unshuffle
    furthest = 0
    for place in range(unshuffle):  # of the pixel in its square
        first, last = place * scale, (place + 1) * scale - 1
        for step in reversed(steps):
            first, last = (first - 1, last + 1) if step == CONVOLUTION else (first // step, last // step)
        furthest = max(furthest, place - unshuffle * first, unshuffle * (last + 1) - 1 - place)
    return furthest
