"""Two processes that take turns: each is timed in every round, and one that dies ends the comparison."""

import os
from functools import partial
from pathlib import Path

import click
import pytest

nothing = partial(partial, sum, ())  # makes a call that can be timed
dies_at_once = partial(os._exit, 7)
dies_when_called = partial(partial, os._exit, 8)
raises = partial(int, "no number")


@pytest.fixture
def turns(monkeypatch):
    """The module, where the processes that it starts find it, too."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import turns

    return turns


def test_each_side_is_timed_in_every_round(turns):
    found = turns.in_processes({"one": nothing, "other": nothing}, calls=2, rounds=3)
    assert {name: len(seconds) for name, seconds in found.items()} == {"one": 3, "other": 3}
    assert all(second > 0 for seconds in found.values() for second in seconds)


@pytest.mark.parametrize(("dead", "code"), [(dies_at_once, 7), (dies_when_called, 8), (raises, 1)])
def test_a_side_that_dies_ends_the_comparison(turns, dead, code):
    with pytest.raises(click.ClickException, match=rf"the process of 'other' ended with exit code {code};"):
        turns.in_processes({"one": nothing, "other": dead}, calls=1, rounds=1)


def test_a_side_that_dies_after_some_rounds_ends_the_comparison(turns):
    lasts = partial(partial, next, iter(range(turns.WARM_UP + 1)))  # for one round
    assert turns.in_processes({"one": nothing, "other": lasts}, calls=1, rounds=1)
    with pytest.raises(click.ClickException, match="the process of 'other' ended with exit code 1;"):
        turns.in_processes({"one": nothing, "other": lasts}, calls=1, rounds=2)


def test_the_ratio_is_the_median_over_the_rounds(turns):
    assert turns.median_ratio([1.0, 2.0, 1.0], [3.0, 2.0, 2.0]) == 2.0
