"""The names of options: as users write them, and which one they may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

KeyPath = tuple[str | int, ...]


def dotted(key: KeyPath) -> str:
    """``("steps", 0, "with")`` as users write it: ``steps.0.with``."""
    return ".".join(map(str, key))


def key_path(dots: str) -> KeyPath:
    """The inverse of ``dotted``: ``steps.0.with`` as ``("steps", 0, "with")``."""
    return tuple(int(part) if part.isdecimal() else part for part in dots.split("."))


def suggestion(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'tile'?"``, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
