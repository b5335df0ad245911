"""Dotted option names, and suggestions for misspelt words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_WORD = 100  # characters; comparing long words takes a time that grows with the square of their lengths
KeyPath = tuple[str | int, ...]


def dotted(key: KeyPath) -> str:
    """Format a key as users write it: ``("steps", 0, "with")`` as ``steps.0.with``."""
    return ".".join(map(str, key))


def key_path(dots: str) -> KeyPath:
    """Parse a dotted key, the inverse of ``dotted``."""
    return tuple(int(part) if part.isdecimal() else part for part in dots.split("."))


def suggestion(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'tile'?"``, or "" if no known word is similar."""
    if len(word) > MAX_WORD:
        return ""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
