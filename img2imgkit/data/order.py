"""The order of samples and their random numbers, as functions of (seed, position) alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


class Order:
    """A random order of ``size`` samples: each epoch is a permutation drawn from (seed, epoch, stream).

    Readers of several folders use one stream per folder, so that the orders are independent.
    """

    def __init__(self, size: int, stream: int = 0) -> None:
        self.size, self.stream = size, stream
        self._permutation = lru_cache(maxsize=4)(self._drawn)  # prefetching threads overlap two epochs

    def at(self, seed: int, position: int) -> int:
        """Return the sample at a position, counted over all epochs."""
        epoch, place = divmod(position, self.size)
        return int(self._permutation(seed, epoch)[place])

    def _drawn(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, 0, epoch, self.stream]).permutation(self.size)


def generator_at(seed: int, position: int) -> np.random.Generator:
    """Return the random generator of the sample at a position, independent of all other samples."""
    return np.random.default_rng([seed, 1, position])
