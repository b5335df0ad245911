"""From a task's terms, one number per image, to the one number a player's gradient is taken of."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import tensorflow as tf

from img2imgkit.config import suggestion
from img2imgkit.errors import TrainingError
from img2imgkit.task import Task, Terms

Tensor = Any


class Objective:
    """Weighted sums of terms over the global batch; the only place where images are reduced."""

    def __init__(self, task: Task, global_batch: int) -> None:
        self._task = task
        self._weights: Mapping[str, float] = task.weights.model_dump()
        self._batch = global_batch

    def reduce(
        self, terms: Terms, images: int, stated: Mapping[str, float] | None = None, factor: float = 1.0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """This replica's share of the weighted total, and of each term's mean; shares add up over the replicas.

        Args:
            stated: weights that hold instead of the task's
            factor: what all weights are multiplied by

        Raises:
            TrainingError: a term has no weight, or is not one number for each of the ``images``.
        """
        for name, term in terms.items():
            self._check(name, term, images)
        weights = {**self._weights, **(stated or {})}
        means = {name: tf.reduce_sum(tf.cast(term, tf.float32)) / self._batch for name, term in terms.items()}
        total = tf.add_n([tf.constant(0.0), *(factor * weights[name] * mean for name, mean in means.items())])
        return total, means

    def prove_complete(self, names: Set[str], stated: Mapping[str, float] | None = None) -> None:
        """Every weight that counts has its term; ``stated`` weights hold instead of the task's.

        Raises:
            TrainingError: one has none.
        """
        weights = {**self._weights, **(stated or {})}
        missing = sorted(name for name, weight in weights.items() if weight and name not in names)
        if missing:
            near = suggestion(missing[0], names)
            raise TrainingError(f"task {self._task.name!r}: weight {missing[0]!r} has no term of that name{near}")

    def _check(self, name: str, term: Tensor, images: int) -> None:
        if name not in self._weights:
            near = suggestion(name, self._weights)
            raise TrainingError(f"task {self._task.name!r}: term {name!r} has no weight of that name{near}")
        if tuple(term.shape) != (images,):
            raise TrainingError(
                f"task {self._task.name!r}: term {name!r} has shape {tuple(term.shape)}, "
                f"expected one number for each of {images} images: {(images,)}"
            )
