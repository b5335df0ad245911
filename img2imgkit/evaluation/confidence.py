"""Confidence intervals of scores: how much they would vary with other pictures of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
SEED = 0
RESAMPLES = 1000  # of the scores of pictures
HALVES = 100  # of sets, whose scores take longer to compute
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


@dataclass(frozen=True)
class Interval:
    """The bounds of a score with a confidence of ``LEVEL``."""

    low: float
    high: float


def interval_of_mean(scores: Sequence[float]) -> Interval:
    """The interval of a mean over pictures: the percentiles of the means of resampled scores.

    The bootstrap of Efron 1979, https://doi.org/10.1214/aos/1176344552.

    Raises:
        ValueError: there are fewer than two scores.

    >>> interval_of_mean([5.0, 5.0, 5.0])
    Interval(low=5.0, high=5.0)
    """
    count = len(scores)
    _require(count, 2)
    drawn = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    means = np.sort(np.asarray(scores, np.float64)[drawn].mean(axis=1))
    low, high = (float(means[round(tail * (RESAMPLES - 1))]) for tail in _TAILS)  # no interpolation: infinite scores
    return Interval(low, high)


def interval_of_set(measure: Callable[[np.ndarray], float], count: int, score: float) -> Interval:
    """The interval of a set's score: how the scores of random halves of the set vary, around the score.

    A resampled set would hold pictures twice, which are no new neighbours or features and shift most metrics of sets.
    Halves hold none twice, and the score of a half, drawn from the set, varies about as much as the score of the set,
    drawn from all pictures (Shao and Wu 1989, https://doi.org/10.1214/aos/1176347263).

    Args:
        measure: the score of the pictures with these indices
        count: the number of pictures
    Raises:
        ValueError: there are fewer than four pictures, or half of them are too few for the metric.
    """
    _require(count, 4)
    rng, half = np.random.default_rng(SEED), count // 2
    found = np.array([measure(rng.permutation(count)[:half]) for _ in range(HALVES)])
    apart = (found - found.mean()) * np.sqrt(half / (count - half))
    low, high = (score + float(each) for each in np.quantile(apart, _TAILS))
    return Interval(low, high)


def _require(count: int, least: int) -> None:
    if count < least:
        raise ValueError(f"a confidence interval needs at least {least} pictures, got {count}")
