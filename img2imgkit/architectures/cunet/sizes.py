"""How the U-Nets map sizes, by scale."""

from __future__ import annotations

from collections.abc import Callable

MARGINS = {1: 28, 2: 18, 3: 14, 4: 19}  # pixels that the layers take from each side of the input
MULTIPLES = {1: 4, 2: 2, 3: 4, 4: 2}  # to which a picture is continued, so that exact tiles begin at these
BOTTOM_KERNELS = {1: 3, 2: 4, 3: 5, 4: 4}  # of the first U-Net's last layer; transposed where it enlarges
Backward = Callable[[int, int], tuple[int, int]]


def radius(scale: int) -> int:
    """The receptive radius without attention, in input pixels: the distance to the furthest one of a pixel's outputs.

    Each step back through the network gives the range of its input for a range of its output, along the longest path.
    """
    furthest = 0
    for place in range(MULTIPLES[scale]):
        first, last = place * scale, place * scale + scale - 1
        for step in _backwards(scale):
            first, last = step(first, last)
        margin = MARGINS[scale]
        furthest = max(furthest, place - (first - margin), last - margin - place)
    return furthest


def _backwards(scale: int) -> tuple[Backward, ...]:
    deep = (_valid, _valid, _doubled, _valid, _valid, _doubled, _valid, _valid, _halved, _valid, _valid, _halved)
    shallow = (_valid, _doubled, _valid, _valid, _halved, _valid, _valid)
    start = (_doubled, _cropped, _valid) if scale == 4 else ()
    return (*start, *deep, _valid, _valid, {1: _valid, 3: _tripled_less}.get(scale, _doubled_less), *shallow)


def _valid(first: int, last: int) -> tuple[int, int]:
    return first, last + 2


def _halved(first: int, last: int) -> tuple[int, int]:
    return 2 * first, 2 * last + 1


def _doubled(first: int, last: int) -> tuple[int, int]:
    return first // 2, last // 2


def _doubled_less(first: int, last: int) -> tuple[int, int]:
    """A transposed convolution of 4 x 4, stride 2, less 3 pixels on each side."""
    return -(-first // 2), (last + 3) // 2


def _tripled_less(first: int, last: int) -> tuple[int, int]:
    """A transposed convolution of 5 x 5, stride 3, less 2 pixels on each side."""
    return -(-(first - 2) // 3), (last + 2) // 3


def _cropped(first: int, last: int) -> tuple[int, int]:
    return first + 1, last + 1
