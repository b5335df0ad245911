"""The picture cache: its budget, and read-only pictures."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.data.cache import PictureCache

MEBIBYTE = np.zeros((1024, 1024), np.uint8)


def test_cached_pictures_are_created_once() -> None:
    cache, made = PictureCache(2), []
    for _ in range(3):
        cache.get("a", lambda: made.append("a") or (MEBIBYTE.copy(),))  # type: ignore[func-returns-value]
    assert made == ["a"]


def test_the_budget_is_never_exceeded_and_small_pictures_still_fit() -> None:
    cache = PictureCache(3)
    for key, rows in (("a", 1024), ("b", 1500), ("c", 1024), ("d", 1)):
        cache.get(key, lambda rows=rows: (np.zeros((rows, 1024), np.uint8),))  # type: ignore[misc]
    assert len(cache) == 3
    assert cache.get("c", lambda: ()) == ()


def test_pictures_cannot_be_written_to() -> None:
    [pixels] = PictureCache(0).get("a", lambda: (MEBIBYTE.copy(),))
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 1


def test_a_part_of_a_picture_does_not_keep_the_whole_alive() -> None:
    cache = PictureCache(1)
    [part] = cache.get("a", lambda: (MEBIBYTE[:, :10],))
    assert part.base is None
