"""What every data kind's reader gives the trainer: batches that are a function of (seed, step) alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from img2imgkit.task import DataKind

Arrays = dict[str, np.ndarray]


class Reader(ABC):
    """The training pictures of one data kind.

    Step's batch can be made without those before it, so a resumed run sees what the uninterrupted one would have seen.
    """

    kind: ClassVar[DataKind]

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Images in one global batch."""

    @property
    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """What was read, as it goes into the training record: counts and sizes, no absolute paths."""

    @abstractmethod
    def batch(self, seed: int, step: int) -> Arrays:
        """The global batch of a step, under the kind's keys.

        Shapes:
            images: (batch_size, H, W, C) float32 in [-1, 1]
        """

    @abstractmethod
    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Fixed pictures to look at during training: name and batch of one, for each picture of ``folder``.

        Raises:
            DataError: a picture there cannot be used.
        """


class Order:
    """Which of ``size`` samples stand in a step's batch: each epoch is a permutation drawn from (seed, epoch)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._drawn: tuple[tuple[int, int], np.ndarray] | None = None

    def at(self, seed: int, position: int) -> int:
        """The sample at a position that counts on over all epochs."""
        epoch, place = divmod(position, self.size)
        if self._drawn is None or self._drawn[0] != (seed, epoch):
            permutation = np.random.default_rng([seed, 0, epoch]).permutation(self.size)
            self._drawn = ((seed, epoch), permutation)
        return int(self._drawn[1][place])


def generator_at(seed: int, position: int) -> np.random.Generator:
    """The random numbers of the sample at a position; they do not depend on any other sample."""
    return np.random.default_rng([seed, 1, position])
