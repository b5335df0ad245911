"""Decoded pictures kept in memory up to a budget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np

Pictures = tuple[np.ndarray, ...]


class PictureCache:
    """Keeps the first pictures that are asked for until its budget is used up; the others are made again each time.

    Nothing is thrown out: an epoch asks for every picture once, so whatever came last would be the wrong one to keep.
    """

    def __init__(self, budget_mib: int) -> None:
        self._left = budget_mib << 20
        self._kept: dict[Hashable, Pictures] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], Pictures]) -> Pictures:
        """The pictures of a key, which must not be written to; two threads may both make them."""
        kept = self._kept.get(key)
        return kept if kept is not None else self._keep(key, make())

    def _keep(self, key: Hashable, made: Pictures) -> Pictures:
        made = tuple(map(np.ascontiguousarray, made))  # a part of a picture would keep the whole alive
        for pixels in made:
            pixels.setflags(write=False)
        size = sum(pixels.nbytes for pixels in made)
        with self._lock:
            if key not in self._kept and size <= self._left:
                self._left -= size
                self._kept[key] = made
        return made
