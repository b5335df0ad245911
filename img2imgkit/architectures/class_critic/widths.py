"""The channels of FUNIT's class-conditional critic."""

from __future__ import annotations

WIDEST = 1024  # as in the official code


def block_widths(width: int, blocks: int) -> list[int]:
    """Return the channels after each block: every second one doubles them, up to ``WIDEST``.

    >>> block_widths(64, 10)
    [64, 128, 128, 256, 256, 512, 512, 1024, 1024, 1024]
    """
    found: list[int] = []
    for number in range(blocks):
        before = found[-1] if found else width
        found.append(before if number % 2 == 0 else min(2 * before, WIDEST))
    return found
