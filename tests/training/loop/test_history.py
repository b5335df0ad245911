"""Pools of older images: equal to CycleGAN's, on one device and on two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from img2imgkit import backend
from img2imgkit.training.loop.history import History, draws

# Returned images and final content of the official ImagePool of size 3, with the random numbers that it drew:
# images, (chance, place) of each, shown, held.
OFFICIAL: tuple[tuple[list[int], list[tuple[float, int]], list[int], list[int]], ...] = (
    ([0], [(0.0, 0)], [0], [0]),
    ([1, 2], [(0.0, 0), (0.0, 0)], [1, 2], [0, 1, 2]),
    ([3], [(0.8559, 0)], [0], [3, 1, 2]),
    ([4, 5], [(0.8004, 0), (0.5938, 0)], [3, 4], [5, 1, 2]),
    ([6], [(0.8870, 2)], [2], [5, 1, 6]),
    ([7, 8], [(0.7415, 1), (0.8097, 1)], [1, 7], [5, 8, 6]),
    ([9], [(0.2247, 0)], [9], [5, 8, 6]),
    ([10, 11], [(0.9761, 2), (0.6339, 0)], [6, 5], [11, 8, 10]),
    ([12], [(0.5580, 1)], [8], [11, 12, 10]),
)


def test_it_returns_and_stores_what_the_official_pool_does() -> None:
    strategy = backend.strategy_over(["/cpu:0"])
    with strategy.scope():
        history = History(3, (1, 1, 1))
    for images, drawn, shown, held in OFFICIAL:
        chances, choices = (list(each) for each in zip(*drawn, strict=True))
        fresh = tf.reshape(tf.constant(images, tf.float32), (-1, 1, 1, 1))
        given = strategy.run(history, args=(fresh, tf.constant(chances), tf.constant(choices)))
        assert given.numpy().ravel().tolist() == shown
        assert history.images.numpy().ravel()[: len(held)].tolist() == held


def shown_over(strategy: Any, images: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images that a pool of 3 shows for the numbers 0, 1, ..., and its final content."""
    with strategy.scope():
        history = History(3, (1, 1, 1))
    each = images // strategy.num_replicas_in_sync

    @tf.function(autograph=False)
    def step(number: Any) -> Any:
        def replica() -> Any:
            first = tf.distribute.get_replica_context().replica_id_in_sync_group * each + number * images
            fresh = tf.reshape(tf.cast(tf.range(each) + first, tf.float32), (-1, 1, 1, 1))
            return history(fresh, *draws(7, number, 0, images, 3))

        return tf.concat(strategy.experimental_local_results(strategy.run(replica)), 0)

    given = [step(tf.constant(number)).numpy().ravel() for number in range(steps)]
    return np.stack(given), history.images.numpy().ravel()


@pytest.mark.usefixtures("two_cpus")
def test_two_devices_share_one_pool() -> None:
    one = shown_over(backend.strategy_over(["/cpu:0"]), images=4, steps=5)
    two = shown_over(backend.mirrored_cpus(2), images=4, steps=5)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


def test_about_half_of_the_images_are_older_ones() -> None:
    shown, _ = shown_over(backend.strategy_over(["/cpu:0"]), images=4, steps=60)
    older = shown[1:] != np.arange(4 * 60).reshape(60, 4)[1:]
    assert 0.4 < older.mean() < 0.6


def test_pools_draw_different_numbers_in_each_step_and_from_each_other() -> None:
    numbers = {tuple(draws(3, step, number, 5, 50)[0].numpy()) for step in range(4) for number in range(3)}
    assert len(numbers) == 12
    assert np.array_equal(draws(3, 2, 1, 5, 50)[1], draws(3, tf.constant(2, tf.int64), 1, 5, 50)[1])
