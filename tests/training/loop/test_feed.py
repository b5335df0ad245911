"""The batches of the trainer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from img2imgkit.errors import TrainingError
from img2imgkit.training.loop.feed import Feed


def feed_of(draw: Any = lambda random, sample: {"noise": random.normal(size=2)}, seed: int = 3) -> Feed:
    """A feed with a batch size of four; each sample is its position."""
    reader = SimpleNamespace(batch_size=4, sample=lambda seed, position: {"source": np.float32([position])})
    return Feed(reader, SimpleNamespace(name="t", draw=draw), seed)  # type: ignore[arg-type]


def test_a_batch_contains_the_samples_and_draws_of_its_positions() -> None:
    batch = feed_of().batch(2, range(4))
    assert batch["source"].ravel().tolist() == [8, 9, 10, 11]
    assert batch["noise"].shape == (4, 2)


def test_rows_do_not_depend_on_the_requested_range() -> None:
    whole, part = feed_of().batch(5, range(4)), feed_of().batch(5, range(2, 4))
    for key, rows in part.items():
        np.testing.assert_array_equal(whole[key][2:], rows)


def test_every_position_and_seed_draws_other_numbers() -> None:
    noise = np.concatenate([feed_of().batch(step, range(4))["noise"] for step in range(3)])
    assert len(np.unique(noise)) == noise.size
    assert not np.array_equal(noise[:4], feed_of(seed=4).batch(0, range(4))["noise"])


def test_draws_can_depend_on_the_sample() -> None:
    batch = feed_of(lambda random, sample: {"twice": 2 * sample["source"]}).batch(0, range(4))
    assert batch["twice"].ravel().tolist() == [0, 2, 4, 6]


def test_a_draw_that_would_hide_data_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"task 't': draw\(\) returns 'source', which is already a key of the data"):
        feed_of(lambda random, sample: {"source": 0}).batch(0, range(1))
