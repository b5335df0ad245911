"""Confidence intervals contain what they should as often as they say, and are the same in each run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from img2imgkit.evaluation.confidence import HALVES, interval_of_mean, interval_of_set


def test_the_interval_of_a_mean_contains_the_true_mean_about_19_times_in_20():
    rng = np.random.default_rng(5)
    found = [interval_of_mean(list(rng.normal(3, 2, 40))) for _ in range(100)]
    assert 88 <= sum(each.low <= 3 <= each.high for each in found) <= 100


def test_the_interval_of_a_set_is_as_wide_as_the_sets_scores_vary():
    """A mean is a score whose deviation is known."""
    values = np.random.default_rng(6).normal(0, 1, 101)
    found = interval_of_set(lambda some: float(values[some].mean()), 101, float(values.mean()))
    assert (found.high - found.low) / 3.92 == pytest.approx(values.std() / math.sqrt(101), rel=0.3)
    assert found.low < values.mean() < found.high


def test_halves_hold_no_picture_twice_and_do_not_move_the_score():
    drawn = []

    def size(some):
        drawn.append(some)
        return float(len(some))

    found = interval_of_set(size, 9, 20.0)
    assert (found.low, found.high) == (20, 20)
    assert len(drawn) == HALVES
    assert all(len({*some}) == len(some) == 4 for some in drawn)
    assert len({tuple(sorted(some)) for some in drawn}) > HALVES // 2


def test_intervals_are_the_same_in_each_run():
    scores = [1.0, 2.0, 5.0]
    assert interval_of_mean(scores) == interval_of_mean(scores)


def test_infinite_scores_make_infinite_bounds():
    found = interval_of_mean([30.0, 31.0, 32.0, math.inf])
    assert 30 <= found.low < math.inf
    assert found.high == math.inf


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        (lambda: interval_of_mean([1.0]), "at least 2 pictures, got 1"),
        (lambda: interval_of_set(lambda some: 0.0, 3, 0.0), "at least 4 pictures, got 3"),
    ],
)
def test_too_few_pictures_are_refused(compute, said):
    with pytest.raises(ValueError, match=said):
        compute()
