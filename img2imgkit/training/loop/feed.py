"""The trainer's batches: the reader's samples and the random numbers that the task draws for each."""

from __future__ import annotations

import numpy as np

from img2imgkit.data_kind import Arrays, Reader, stacked
from img2imgkit.errors import TrainingError
from img2imgkit.task import Task

_STREAM = 2  # of random numbers; stream 0 orders the samples, 1 crops and augments them


class Feed:
    """The batches of a training. Every row is a function of (seed, position) alone."""

    def __init__(self, reader: Reader, task: Task, seed: int) -> None:
        self.reader, self.task, self.seed = reader, task, seed

    @property
    def batch_size(self) -> int:
        """Images in a global batch."""
        return self.reader.batch_size

    def batch(self, step: int, rows: range) -> Arrays:
        """Return rows of the global batch of a step.

        Shapes:
            each key of the data kind, and of ``Task.draw``: (rows, ...)
        """
        first = step * self.reader.batch_size
        return stacked([self._sample(first + row) for row in rows])

    def _sample(self, position: int) -> Arrays:
        sample = self.reader.sample(self.seed, position)
        drawn = self.task.draw(np.random.default_rng([self.seed, _STREAM, position]), sample)
        twice = sorted(sample.keys() & drawn.keys())
        if twice:
            raise TrainingError(
                f"task {self.task.name!r}: draw() returns {twice[0]!r}, which is already a key of the data"
            )
        return {**sample, **drawn}
