"""What every data kind's reader gives the trainer: samples that are a function of (seed, position) alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from img2imgkit.task import DataKind

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Contents:
    """What one folder of training pictures holds, as their headers say.

    Attributes:
        name: what the pictures are to the reader: "source", "target", a domain's name
        pictures: how many
        smallest, largest: the least and the greatest width and height, in pixels; None without pictures
        modes: how many pictures have which mode, as Pillow names modes
    """

    name: str
    pictures: int
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    modes: Mapping[str, int] = field(default_factory=dict)


class Reader(ABC):
    """The training pictures of one data kind.

    Any sample can be made without those before it, so a resumed run sees what the uninterrupted one would have seen,
    and several machines can each make their own rows of a batch. Samples may be made by several threads at once.

    Attributes:
        problems: what keeps the reader from being used, as far as headers show it
        notes: what is odd, and may be meant
    """

    kind: ClassVar[DataKind]
    options: Any  # of the kind; each has ``batch``
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def batch_size(self) -> int:
        """Images in one global batch."""
        return self.options.batch

    @property
    @abstractmethod
    def epoch(self) -> int:
        """Samples in which every picture comes at least once; from position 0 on."""

    @property
    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """What was read, as it goes into the training record: counts and sizes, no absolute paths."""

    @property
    @abstractmethod
    def contents(self) -> Sequence[Contents]:
        """What each folder holds."""

    @abstractmethod
    def sample(self, seed: int, position: int) -> Arrays:
        """The image at a position that counts on over all steps, under the kind's keys, without the batch's axis.

        Shapes:
            images: (H, W, C) float32 in [-1, 1]; the kind's page says what else there is
        """

    @abstractmethod
    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Fixed pictures to look at during training: name and batch of one, for each picture of ``folder``.

        Shapes:
            source: (1, H, W, C) float32 in [-1, 1], what ``Task.translate`` is given
            target: the same of the truth, where it is known
        Raises:
            DataError: a picture there cannot be used.
        """

    @abstractmethod
    def verify(self) -> list[str]:
        """What keeps pictures from being used that shows only when each of them is decoded."""

    def batch(self, seed: int, step: int, rows: range | None = None) -> Arrays:
        """The global batch of a step, or only some of its rows.

        Shapes:
            images: (rows, H, W, C) float32 in [-1, 1]
        """
        first = step * self.batch_size
        return stacked([self.sample(seed, first + row) for row in (range(self.batch_size) if rows is None else rows)])


def stacked(samples: Sequence[Arrays]) -> Arrays:
    """Samples of the same keys as a batch. Shapes: (...) each -> (samples, ...)."""
    return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}


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
