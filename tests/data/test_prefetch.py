"""Prefetch: batches in order, errors at their place, no threads left."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from img2imgkit.data import Prefetch
from img2imgkit.data_kind import Arrays


def numbered(step: int) -> Arrays:
    return {"target": np.array([step])}


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("img2img-data")]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_batches_of_the_range_are_returned_in_order(count: int) -> None:
    with Prefetch(numbered, 3, 40, threads=count) as batches:
        assert [int(batch["target"][0]) for batch in batches] == list(range(3, 40))
    assert not threads()


def test_order_does_not_depend_on_who_is_done_first() -> None:
    second_is_done = threading.Event()

    def make(step: int) -> Arrays:
        if step == 0:
            assert second_is_done.wait(30), "one thread alone makes the batches"
        elif step == 1:
            second_is_done.set()
        return numbered(step)

    with Prefetch(make, 0, 4) as batches:
        assert [int(batch["target"][0]) for batch in batches] == [0, 1, 2, 3]


def test_at_most_depth_batches_are_prepared_ahead() -> None:
    made: list[int] = []

    def make(step: int) -> Arrays:
        made.append(step)
        return numbered(step)

    with Prefetch(make, 0, 10**9, depth=3) as batches:
        next(iter(batches))
    assert not threads()
    assert set(made) <= {0, 1, 2, 3}


def test_an_error_is_raised_after_the_good_batches() -> None:
    def make(step: int) -> Arrays:
        if step == 3:
            raise OSError("disk gone")
        return numbered(step)

    seen = []
    with pytest.raises(OSError, match="disk gone"), Prefetch(make, 0, 9) as batches:
        seen.extend(int(batch["target"][0]) for batch in batches)
    assert seen == [0, 1, 2]
    assert not threads()


def test_an_empty_range_has_no_batches() -> None:
    with Prefetch(numbered, 5, 5) as batches:
        assert list(batches) == []


def test_waiting_is_counted() -> None:
    go = threading.Event()

    def make(step: int) -> Arrays:
        go.wait(0.05)
        return numbered(step)

    with Prefetch(make, 0, 2, threads=1) as batches:
        list(batches)
        assert batches.waited > 0
