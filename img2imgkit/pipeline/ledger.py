"""The ledger records which output was made from which input by which recipe, so that a later run can skip it.

``.img2img/ledger.jsonl`` is append-only, one JSON object per line: ``{"recipe": digest, "steps": [...]}`` once for each
recipe, then a line for each file written, and ``{"removed": path}`` for each file that is no longer an output. The last
line of an entry counts. Lines that this version does not understand (torn by a crash, written by another version) are
ignored: their files are remade.
"""

from __future__ import annotations

import json
import os
import random
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.output_folder import PlacedFile
from img2imgkit.pipeline.recipe import Recipe, difference, input_change
from img2imgkit.pipeline.spill import full_disk_errors, private_database, short_key

LEDGER = "ledger.jsonl"
LINE_FIELDS = {"entry": str, "sink": str, "by": str, "target": str, "size": int, "file": dict}
FILE_FIELDS = {"path": str, "size": int, "mtime_ns": int, "sha256": str}
SCHEMA = """
    CREATE TABLE made (key INTEGER PRIMARY KEY, at INTEGER);
    CREATE TABLE placed (key INTEGER PRIMARY KEY, at INTEGER);
"""


@dataclass(frozen=True)
class Record:
    """A file made from an entry: recipe, planned target, and the input's size, version and location ("": unknown)."""

    recipe: str
    target: str
    size: int
    version: str
    location: str
    written: PlacedFile


@dataclass(frozen=True)
class Output:
    """A file on record: its input's location ("": unknown), and whether it is the last one made from that input."""

    written: PlacedFile
    location: str
    is_latest: bool


class Ledger:
    """The ledger of one output folder, read once and appended to. It is thread-safe.

    Only recipes are kept in memory. For other lines an index stores their offsets in the file.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / LEDGER
        self.recipes: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._index = private_database(self, SCHEMA)
        self._reading: IO[bytes] | None = None
        self._writing: IO[bytes] | None = None
        with full_disk_errors():
            for at, line in _lines(self.path):
                self._add_to_index(at, line)

    def latest(self, entry: Entry, sink: str) -> Record | None:
        """Return the record of the file last made from an entry for a sink."""
        name, variant = str(entry.relative), dict(entry.variant)
        line = self._line("made", _key(sink, name, variant))
        if line is None or (line["sink"], line["entry"], line.get("variant", {})) != (sink, name, variant):
            return None
        return _record(line)

    def knows(self, path: str) -> bool:
        """Whether a run has ever written a file at this path below the folder."""
        line = self._line("placed", short_key(path))
        return line is not None and line["file"]["path"] == path

    @property
    def count(self) -> int:
        """The number of files on record."""
        found: int = self._index.execute("SELECT COUNT(*) FROM placed").fetchone()[0]
        return found

    def outputs(self, sample: int | None = None) -> Iterator[Output]:
        """Yield the files on record, or a random sample of that size, in the order in which they were made."""
        places = array("q", (at for (at,) in self._index.execute("SELECT at FROM placed")))
        if sample is not None:
            places = array("q", random.sample(places, min(sample, len(places))))
        for at in sorted(places):
            line = self._line_at(at)
            if line is not None:
                yield Output(_written(line), _record(line).location, self._is_latest(line, at))

    def remove(self, paths: Iterable[str]) -> None:
        """Record that these files are no longer outputs."""
        for path in paths:
            self._append({"removed": path}, sync=False)

    def _is_latest(self, line: Mapping[str, Any], at: int) -> bool:
        variant = _variant(line)
        if variant is None:
            return False
        key = _key(line["sink"], line["entry"], variant)
        return self._index.execute("SELECT at FROM made WHERE key = ?", (key,)).fetchone() == (at,)

    def reason(self, record: Record | None, entry: Entry, target: PurePosixPath, recipe: Recipe, folder: Path) -> str:
        """Return why an entry's file must be made, or "" if it is up to date.

        Args:
            record: of the file last made; see ``latest``
            target: the planned target
        """
        if record is None:
            return "new"
        if record.recipe != recipe.digest:
            return difference(self.recipes.get(record.recipe, []), recipe.steps)
        if changed := input_change(record.size, record.version, record.location, entry):
            return changed
        if record.target != str(target):
            return f"its name was {record.target}"
        if not os.path.exists(folder / record.written.path):  # noqa: PTH110 - Path.exists raises for names too long
            return "the output is missing"
        return "" if record.written.is_unchanged(folder) else "the output has been changed"

    def begin(self, recipe: Recipe) -> None:
        """Record the recipe of the files that follow. Raises PlanError if the ledger cannot be written."""
        try:
            if recipe.digest not in self.recipes:
                self._append({"recipe": recipe.digest, "steps": recipe.steps})
        except OSError as error:
            raise PlanError(f"{self.path}: cannot write it: {error.strerror}; choose another folder") from error

    def add(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, written: PlacedFile) -> None:
        """Record a file that is about to be placed, and sync: after a power cut every placed file must be on record."""
        self._append(_output_line(entry, sink, recipe.digest, str(target), written))

    def move(self, entry: Entry, sink: str) -> None:
        """Record that the input of an up-to-date file is now at ``entry.location``, without waiting for the disk."""
        record = self.latest(entry, sink)
        if record is not None and record.location != entry.location:
            line = _output_line(entry, sink, record.recipe, record.target, record.written)
            self._append(line, sync=False)

    def close(self) -> None:
        """Close the file."""
        for handle in (self._reading, self._writing):
            with suppress(OSError):  # the disk is full: the items whose lines are lost have failed
                if handle is not None:
                    handle.close()
        self._reading = self._writing = None
        self._index.close()

    def _append(self, line: Mapping[str, Any], sync: bool = True) -> None:
        with self._lock:
            if self._writing is None:
                self._writing = self.path.open("ab")
                self._writing.write(b"\n" if _is_torn(self.path) else b"")
            at = self._writing.tell()
            self._writing.write(json.dumps(line).encode() + b"\n")
            self._writing.flush()
            with full_disk_errors():
                self._add_to_index(at, line)
            handle = self._writing.fileno()
        if sync:
            os.fsync(handle)  # outside the lock, so that threads wait for the disk concurrently

    def _add_to_index(self, at: int, line: Mapping[str, Any]) -> None:
        if _has(line, {"recipe": str, "steps": list}):
            self.recipes[line["recipe"]] = line["steps"]
        elif _has(line, {"removed": str}):
            self._index.execute("DELETE FROM placed WHERE key = ?", (short_key(line["removed"]),))
        elif _is_output_line(line):
            self._set_offset("placed", short_key(line["file"]["path"]), at)
            if (variant := _variant(line)) is not None:
                self._set_offset("made", _key(line["sink"], line["entry"], variant), at)

    def _set_offset(self, table: str, key: int, at: int) -> None:
        self._index.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, at))

    def _line(self, table: str, key: int) -> Any:
        with self._lock:
            found = self._index.execute(f"SELECT at FROM {table} WHERE key = ?", (key,)).fetchone()
            return self._line_at(*found) if found else None

    def _line_at(self, at: int) -> Any:
        with suppress(ValueError):  # another program has modified the file: treat the line as unknown
            line = json.loads(self._read(at))
            return line if isinstance(line, dict) and _is_output_line(line) else None
        return None

    def _read(self, at: int) -> bytes:
        try:
            if self._reading is None:
                self._reading = self.path.open("rb")
                weakref.finalize(self, self._reading.close)
            self._reading.seek(at)
            return self._reading.readline()
        except OSError as error:
            raise PlanError(f"{self.path}: cannot read it: {error.strerror or error}") from error


def _output_line(entry: Entry, sink: str, recipe: str, target: str, written: PlacedFile) -> dict[str, Any]:
    return {
        "entry": str(entry.relative),
        **({"variant": dict(entry.variant)} if entry.variant else {}),
        "sink": sink,
        "by": recipe,
        "target": target,
        "size": entry.size,
        "version": entry.version,
        "location": entry.location,
        "file": asdict(written),
    }


def _record(line: Mapping[str, Any]) -> Record:
    location = line.get("location")
    place = location if isinstance(location, str) else ""
    return Record(line["by"], line["target"], line["size"], _version(line), place, _written(line))


def _is_output_line(line: Mapping[str, Any]) -> bool:
    return _has(line, LINE_FIELDS) and _has(line["file"], FILE_FIELDS) and _version(line) is not None


def _key(sink: str, entry: str, variant: Mapping[str, str]) -> int:
    return short_key(sink, entry, *(text for pair in sorted(variant.items()) for text in pair))


def _variant(line: Mapping[str, Any]) -> dict[str, str] | None:
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


def _written(line: Mapping[str, Any]) -> PlacedFile:
    return PlacedFile(**{name: line["file"][name] for name in FILE_FIELDS})


def _has(line: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(type(line.get(name)) is expected for name, expected in types.items())


def _is_torn(path: Path) -> bool:
    """Whether a crash has cut off the last line."""
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(size - 1, 0))
        return handle.read(1) not in (b"", b"\n")


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the offset and content of each line."""
    at = 0
    try:
        with path.open("rb") as handle:
            for line in handle:
                with suppress(ValueError, RecursionError):
                    stated = json.loads(line)
                    if isinstance(stated, dict):
                        yield at, stated
                at += len(line)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{path}: cannot read it: {reason}; choose another output folder") from error
