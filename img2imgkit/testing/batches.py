"""Random batches of each data kind, and random pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from img2imgkit.task import BATCH_KEYS, Task

Arrays = dict[str, np.ndarray]
MakeBatch = Callable[[np.random.Generator, int], Arrays]

_SIDE = 16  # pixels; networks that need larger multiples get those
_AS_THE_OUTPUT: Mapping[str, tuple[str, ...]] = {"paired": ("target",), "degraded": ("target",), "unpaired": ()}


def random_batch(task: Task, rng: np.random.Generator, images: int) -> Arrays:
    """Noise under the keys of the task's data kind.

    Shapes:
        -> (images, H, W, C) float32 in [-1, 1]; targets are ``scale`` times as high and wide
    Raises:
        AssertionError: the kind has keys whose shapes only the task knows.
    """
    if task.data not in _AS_THE_OUTPUT:
        raise AssertionError(f"{task.data!r} batches hold more than pictures: give check_task(..., batch=) to make one")
    geometry = task.geometry()
    side = -(-_SIDE // geometry.multiple) * geometry.multiple
    return {
        key: noise(rng, images, side * (geometry.scale if key in _AS_THE_OUTPUT[task.data] else 1), geometry.channels)
        for key in BATCH_KEYS[task.data]
    }


def noise(rng: np.random.Generator, images: int, side: int, channels: int) -> np.ndarray:
    """(images, side, side, channels), float32 in [-1, 1]."""
    return rng.uniform(-1, 1, (images, side, side, channels)).astype(np.float32)
