"""In which order samples come, and the random numbers of each: functions of (seed, position) alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class Order:
    """Which of ``size`` samples stands at a position: each epoch is a permutation drawn from (seed, epoch, stream).

    Readers that draw from several folders give each a stream of its own, so that their orders are independent.
    """

    def __init__(self, size: int, stream: int = 0) -> None:
        self.size, self.stream = size, stream
        self._permutation = lru_cache(maxsize=4)(self._drawn)  # threads stand on both sides of an epoch's end

    def at(self, seed: int, position: int) -> int:
        """The sample at a position that counts on over all epochs."""
        epoch, place = divmod(position, self.size)
        return int(self._permutation(seed, epoch)[place])

    def _drawn(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, 0, epoch, self.stream]).permutation(self.size)


def generator_at(seed: int, position: int) -> np.random.Generator:
    """The random numbers of the sample at a position; they do not depend on any other sample."""
    return np.random.default_rng([seed, 1, position])
