"""Loads entries: a picture with several outputs is decoded once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item
from img2imgkit.step import Source


class Loader:
    """Loads entries, thread-safe, and keeps an item until the last variant of its picture has been loaded.

    Variants of one picture are adjacent in a plan, so few more items are kept than are being processed.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shared: dict[int, _Shared] = {}

    def expect(self, index: int, count: int) -> None:
        """Announce how many variants of an entry, given by its index, will be loaded."""
        if count > 1:
            self._shared[index] = _Shared(count)

    def load(self, entry: Entry) -> Item:
        """Return the entry's item. Raises DecodeError."""
        shared = self._shared.get(entry.index)
        if shared is None:
            return self._loaded(entry)
        with shared.lock:
            shared.left -= 1
            if not shared.left:
                del self._shared[entry.index]
            item = shared.item or self._loaded(entry)
            shared.item = item if shared.left else None
        return replace(item, entry=entry)

    def _loaded(self, entry: Entry) -> Item:
        item = checked_item(self._source.load(replace(entry, variant=())))  # a source reads the same for all
        return replace(item, entry=entry) if entry.variant else item


class _Shared:
    """A picture that is loaded once, and the number of variants that still need it."""

    def __init__(self, left: int) -> None:
        self.lock = threading.Lock()
        self.left = left
        self.item: Item | None = None


def checked_item(made: Any) -> Item:
    """Return what a step returned if it is a valid item. Raises TypeError."""
    good = isinstance(made, Item) and isinstance(made.notes, Mapping) and isinstance(made.frames, tuple)
    if not (good and all(isinstance(frame, Picture) for frame in made.frames)):
        raise TypeError(f"it returned {type(made).__name__} instead of an Item with pictures and notes")
    checked: Item = made
    return checked
