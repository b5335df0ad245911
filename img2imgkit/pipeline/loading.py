"""Loading entries: a picture that several outputs are made of is decoded once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from img2imgkit.images import Picture
from img2imgkit.step import Entry, Item, Source


class Loader:
    """Loads entries for several threads, and keeps an item until the last variant of its picture has taken it.

    Variants of one picture are neighbours in a plan, so that hardly more items are kept than are on their way.
    """

    def __init__(self, source: Source, entries: Iterable[Entry]) -> None:
        self._source = source
        counts = Counter(entry.index for entry in entries)
        self._shared = {index: _Shared(count) for index, count in counts.items() if count > 1}

    def load(self, entry: Entry) -> Item:
        """The entry's item. Raises DecodeError."""
        shared = self._shared.get(entry.index)
        if shared is None:
            return self._loaded(entry)
        with shared.lock:
            shared.left -= 1
            item = shared.item or self._loaded(entry)
            shared.item = item if shared.left else None
        return replace(item, entry=entry)

    def _loaded(self, entry: Entry) -> Item:
        item = an_item(self._source.load(replace(entry, variant=())))  # what a source reads is the same for all
        return replace(item, entry=entry) if entry.variant else item


class _Shared:
    """A picture that is loaded once, and how many variants have yet to take it."""

    def __init__(self, left: int) -> None:
        self.lock = threading.Lock()
        self.left = left
        self.item: Item | None = None


def an_item(made: Any) -> Item:
    """What a step of a stranger made, if it can go on. Raises TypeError."""
    if not (isinstance(made, Item) and isinstance(made.picture, Picture) and isinstance(made.notes, Mapping)):
        raise TypeError(f"it gave {type(made).__name__} in place of an Item with a picture and notes")
    return made
