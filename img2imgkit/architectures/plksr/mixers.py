"""The channel mixers of PLKSR: two convolutions, of which one or both have 3x3 kernels."""

from __future__ import annotations

from typing import Literal

Mixer = Literal["doubled", "plain", "inverted"]
SIZES: dict[Mixer, tuple[int, int]] = {"doubled": (3, 3), "plain": (3, 1), "inverted": (1, 3)}


def kernel_sizes(mixer: Mixer) -> tuple[int, int]:
    """The sizes of the first and the second kernels."""
    return SIZES[mixer]


def mixer_of(first: int, second: int) -> Mixer | None:
    """The mixer with kernels of these sizes; None if there is none."""
    return next((mixer for mixer, sizes in SIZES.items() if sizes == (first, second)), None)
