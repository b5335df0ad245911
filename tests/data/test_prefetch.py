"""Prefetch: the reader's batches in order, its errors in the consumer, no thread left."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit.data import Arrays, Prefetch, Reader


class Counting(Reader):
    kind = "degraded"
    batch_size = 2
    description: Mapping[str, Any] = {}

    def __init__(self, fails_at: int = -1) -> None:
        self.made: list[int] = []
        self.fails_at = fails_at

    def batch(self, seed: int, step: int) -> Arrays:
        if step == self.fails_at:
            raise OSError("disk gone")
        self.made.append(step)
        return {"target": np.array([seed, step])}

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        raise NotImplementedError(folder)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "img2img-data"]


def test_gives_the_batches_of_the_range_in_order() -> None:
    with Prefetch(Counting(), 7, 3, 20) as batches:
        assert [tuple(batch["target"]) for batch in batches] == [(7, step) for step in range(3, 20)]
    assert not threads()


def test_stops_early_without_reading_all_or_leaving_a_thread() -> None:
    reader = Counting()
    with Prefetch(reader, 0, 0, 10**9, depth=2) as batches:
        next(iter(batches))
    assert not threads()
    assert len(reader.made) < 10


def test_an_error_of_the_reader_is_raised_after_the_good_batches() -> None:
    seen = []
    with pytest.raises(OSError, match="disk gone"), Prefetch(Counting(fails_at=3), 0, 0, 9) as batches:
        seen.extend(int(batch["target"][1]) for batch in batches)
    assert seen == [0, 1, 2]
