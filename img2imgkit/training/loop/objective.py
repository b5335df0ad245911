"""Reduces a task's terms, one number per image, to the scalar that a player minimises."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import tensorflow as tf

from img2imgkit.config import suggestion
from img2imgkit.errors import TrainingError
from img2imgkit.task import Task, Terms

Tensor = Any


class Objective:
    """Weighted sums of terms over the global batch. Nothing else reduces over images."""

    def __init__(self, task: Task, global_batch: int) -> None:
        self._task = task
        self._weights: Mapping[str, float] = task.weights.model_dump()
        self._batch = global_batch

    def reduce(
        self, terms: Terms, images: int, stated: Mapping[str, float] | None = None, factor: float = 1.0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return this replica's share of the weighted total and of each term's mean; sum them over the replicas.

        Args:
            stated: weights that override the task's
            factor: multiplies all weights

        Raises:
            TrainingError: a term has no weight, or its shape is not ``(images,)``.
        """
        for name, term in terms.items():
            self._check(name, term, images)
        weights = {**self._weights, **(stated or {})}
        means = {name: tf.reduce_sum(tf.cast(term, tf.float32)) / self._batch for name, term in terms.items()}
        total = tf.add_n([tf.constant(0.0), *(factor * weights[name] * mean for name, mean in means.items())])
        return total, means

    def prove_complete(self, names: Set[str], stated: Mapping[str, float] | None = None) -> None:
        """Check that every non-zero weight has a term; ``stated`` weights override the task's.

        Raises:
            TrainingError: a non-zero weight has no term.
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
