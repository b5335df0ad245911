"""Which files are pictures: those with the suffix of one, or else with the content of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from img2imgkit.images import format_of, format_of_content, is_image, writable
from img2imgkit.item import Entry

LEFTOVERS = frozenset({".bak", ".crdownload", ".download", ".old", ".orig", ".part", ".partial", ".tmp"})


def is_picture(path: str) -> bool:
    """Whether a file has the suffix of a picture, or else the content of one."""
    if is_image(path):
        return True
    place = Path(path)
    leftover = place.suffix.lower() in LEFTOVERS or path.endswith("~")
    return not leftover and format_of_content(place) is not None


def with_format(entry: Entry) -> Entry:
    """Return the entry with the format of its content, unless its suffix states a format that can be written."""
    if format_of(entry.relative) in writable():
        return entry
    return replace(entry, format=format_of_content(Path(entry.location)) or "")
