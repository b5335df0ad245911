"""The reader's contract: rows of a batch, orders, random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit.data.order import Order, generator_at
from img2imgkit.data_kind import Arrays, Contents, Findings, Reader


class SmallReader(Reader):
    """A reader whose samples are their positions."""

    description: Mapping[str, Any] = {}
    contents: tuple[Contents, ...] = ()
    epoch = 1
    batch_size = 0

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def sample(self, seed: int, position: int) -> Arrays:
        return {"target": np.full((2, 2, 1), position, np.float32), "seed": np.asarray(seed, np.int32)}

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        raise NotImplementedError(folder)

    def verify(self) -> Findings:
        return Findings()


def test_a_batch_stacks_the_samples_at_its_positions() -> None:
    batch = SmallReader(batch_size=3).batch(seed=7, step=2)
    np.testing.assert_array_equal(batch["target"][:, 0, 0, 0], [6, 7, 8])
    np.testing.assert_array_equal(batch["seed"], [7, 7, 7])


def test_rows_of_several_machines_make_up_the_global_batch() -> None:
    reader = SmallReader(batch_size=4)
    parts = [reader.batch(0, 5, range(first, first + 2))["target"] for first in (0, 2)]
    np.testing.assert_array_equal(np.concatenate(parts), reader.batch(0, 5)["target"])


@pytest.mark.parametrize("stream", [0, 1])
def test_each_epoch_is_another_permutation(stream: int) -> None:
    order = Order(50, stream)
    first, second = ([order.at(3, epoch * 50 + place) for place in range(50)] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_streams_and_seeds_have_orders_of_their_own() -> None:
    orders = [[Order(50, stream).at(seed, place) for place in range(50)] for stream, seed in ((0, 3), (1, 3), (0, 4))]
    assert len({tuple(order) for order in orders}) == 3


def test_the_first_stream_is_the_order_of_older_runs() -> None:
    expected = np.random.default_rng([3, 0, 2]).permutation(20)
    assert [Order(20).at(3, 40 + place) for place in range(20)] == expected.tolist()


def test_random_numbers_belong_to_a_position() -> None:
    assert generator_at(1, 5).integers(1 << 30) == generator_at(1, 5).integers(1 << 30)
    assert generator_at(1, 5).integers(1 << 30) != generator_at(1, 6).integers(1 << 30)
