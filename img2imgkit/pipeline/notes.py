"""The notes of a run by kind: what was lost or changed on the way, and in how many pictures.

A note is a text in an item's notes, or several that are joined by "; ". Two notes are of one kind if they have the same
words before the first colon, whatever the numbers among them; in "left out: thumbnails: 3", before the second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from img2imgkit.pipeline.executor import Outcome

LEFT_OUT = "left out: "
_NO_SENTENCES = frozenset({"written", "trace"})
_OF_TRANSLATIONS = ("inexact", "beyond", "engine")


@dataclass
class NoteKind:
    """One kind of note: the note of the first picture that has it, that picture, and the number of such pictures."""

    note: str
    first: str
    pictures: int = 0


def kinds_of_notes(outcomes: Iterable[Outcome]) -> list[NoteKind]:
    """Return the kinds of notes of the pictures that were made, in order of appearance."""
    kinds: dict[str, NoteKind] = {}
    for outcome in outcomes:
        if outcome.status != "done":
            continue
        own = {_kind(note): note for note in reversed(list(_sentences(outcome.notes)))}
        for kind, note in reversed(own.items()):
            kinds.setdefault(kind, NoteKind(note, outcome.entry.title)).pictures += 1
    return list(kinds.values())


def _kind(note: str) -> str:
    rest = note.removeprefix(LEFT_OUT)
    return note[: len(note) - len(rest)] + re.sub(r"[0-9]+", "0", rest.partition(": ")[0])


def _sentences(notes: Mapping[str, Any]) -> Iterator[str]:
    for key, value in notes.items():
        if key == "translate":
            yield from _texts([each.get(name) for each in value for name in _OF_TRANSLATIONS])
        elif key not in _NO_SENTENCES:
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a note; one with several frames is a tuple of the frames' notes."""
    if isinstance(value, str):
        yield from (text.strip() for text in value.split("; ") if text.strip())
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
