"""An in-memory cache of decoded pictures, up to a budget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np

Pictures = tuple[np.ndarray, ...]


class PictureCache:
    """Keeps pictures until its budget is used up; the others are created again on each request.

    Nothing is evicted: an epoch requests every picture once, so evicting the least recently used would never hit.
    """

    def __init__(self, budget_mib: int) -> None:
        self._left = budget_mib << 20
        self._kept: dict[Hashable, Pictures] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], Pictures]) -> Pictures:
        """Return the pictures of a key, read-only. Two threads may call ``make`` for the same key."""
        kept = self._kept.get(key)
        return kept if kept is not None else self._store(key, make())

    def _store(self, key: Hashable, pictures: Pictures) -> Pictures:
        pictures = tuple(map(np.ascontiguousarray, pictures))  # a view would keep the whole picture alive
        for pixels in pictures:
            pixels.setflags(write=False)
        size = sum(pixels.nbytes for pixels in pictures)
        with self._lock:
            if key not in self._kept and size <= self._left:
                self._left -= size
                self._kept[key] = pictures
        return pictures
