"""The receptive field of super-resolution networks, from their sequence of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

CONVOLUTION = 1  # a 3x3 convolution; a larger number is an upsampling factor


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


def receptive_radius(steps: Sequence[int], unshuffle: int = 1) -> int:
    """The receptive radius in input pixels: the distance to the furthest one that affects a pixel's output.

    Args:
        steps: 3x3 convolutions and upsampling factors from input to output, along the longest path
        unshuffle: factor of the pixel unshuffle before the first step

    Example:
        >>> receptive_radius([CONVOLUTION, CONVOLUTION, 2])
        2
    """
    scale = math.prod(steps) // unshuffle
    furthest = 0
    for place in range(unshuffle):  # of the pixel in its block
        first, last = place * scale, (place + 1) * scale - 1
        for step in reversed(steps):
            first, last = (first - 1, last + 1) if step == CONVOLUTION else (first // step, last // step)
        furthest = max(furthest, place - unshuffle * first, unshuffle * (last + 1) - 1 - place)
    return furthest
