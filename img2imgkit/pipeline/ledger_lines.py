"""The lines of a ledger: their fields, what they say, and how they are read from a file that may be torn or edited."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from img2imgkit.item import Entry
from img2imgkit.pipeline.output_folder import PlacedFile
from img2imgkit.pipeline.own_files import reserved
from img2imgkit.pipeline.spill import short_key

MAX_LINE = 1 << 20  # bytes; longer lines are ignored
LINE_FIELDS = {"entry": str, "sink": str, "by": str, "target": str, "size": int, "file": dict}
FILE_FIELDS = {"path": str, "size": int, "mtime_ns": int, "sha256": str}


@dataclass(frozen=True)
class Record:
    """A file made from an entry: recipe, planned target, and the input's size, version and location ("": unknown)."""

    recipe: str
    target: str
    size: int
    version: str
    location: str
    written: PlacedFile


def output_line(entry: Entry, sink: str, recipe: str, target: str, written: PlacedFile) -> dict[str, Any]:
    """Return the line for a file that is written."""
    return {
        "entry": stored(str(entry.relative)),
        **({"variant": dict(entry.variant)} if entry.variant else {}),
        "sink": sink,
        "by": recipe,
        "target": stored(target),
        "size": entry.size,
        "version": entry.version,
        "location": stored(entry.location),
        "file": {**asdict(written), "path": stored(written.path)},
    }


def record_of(line: Mapping[str, Any]) -> Record:
    """Return what an output line says about a file and its input."""
    location = line.get("location")
    place = _native(location) if isinstance(location, str) else ""
    return Record(line["by"], _native(line["target"]), line["size"], _version(line), place, placed_file(line))


def is_output_line(line: Mapping[str, Any]) -> bool:
    """Whether a line has the form of one for a file that is written; its path may lead anywhere."""
    return has(line, LINE_FIELDS) and has(line["file"], FILE_FIELDS) and _version(line) is not None


def is_below(path: str) -> bool:
    """Whether a path leads to a file below the folder: a ledger from elsewhere could name any file."""
    return not (reserved(PurePosixPath(path)) or "\0" in path)


def stored(name: str) -> str:
    """Return a file name as the ledger writes it: its bytes as UTF-8, those that are not UTF-8 as surrogates."""
    try:
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file can have this name in this locale
        return name


def _native(name: str) -> str:
    """The inverse of ``stored``."""
    try:
        return name if name.isascii() else os.fsdecode(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return name


def index_key(sink: str, entry: str, variant: Mapping[str, str]) -> int:
    """Return the key of an entry's output in the index of the ledger."""
    return short_key(sink, entry, *(text for pair in sorted(variant.items()) for text in pair))


def variant_of(line: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the variant that a line states; None if it is not one."""
    variant = line.get("variant", {})
    good = isinstance(variant, dict) and all(isinstance(value, str) for value in variant.values())
    return variant if good else None


def _version(line: Mapping[str, Any]) -> Any:
    """Return the input's version tag. Lines of the first version have a time instead. None if there is neither."""
    version, time = line.get("version"), line.get("mtime_ns")
    if isinstance(version, str):
        return version
    return str(time) if type(time) is int else None


def placed_file(line: Mapping[str, Any]) -> PlacedFile:
    """Return the file that an output line names."""
    file = {name: line["file"][name] for name in FILE_FIELDS}
    return PlacedFile(**{**file, "path": _native(file["path"])})


def has(line: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    """Whether a line has fields of these types."""
    return all(type(line.get(name)) is expected for name, expected in types.items())


def is_torn(file: IO[bytes]) -> bool:
    """Whether a crash has cut off the last line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    return file.read(1) not in (b"", b"\n")


def lines(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the offset and content of each line."""
    at, whole = 0, True
    while piece := file.readline(MAX_LINE):
        starts, whole = whole, piece.endswith(b"\n")
        if starts and (whole or len(piece) < MAX_LINE):
            with suppress(ValueError, RecursionError):
                stated = json.loads(piece)
                if isinstance(stated, dict):
                    yield at, stated
        at += len(piece)
