"""The ledger: what was made from what, by which recipe. It lets a second run skip what is done, and say why not.

``.img2img/ledger.jsonl`` is only ever appended to, one JSON object a line: ``{"recipe": digest, "steps": [...]}`` once
for each recipe, then a line for each file written. The last line of an entry counts. A line that says nothing that
this version understands (torn by a crash, written by another version) is left alone: its file is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.output_folder import PlacedFile
from img2imgkit.pipeline.spill import private_database, room_for_rows, short_key

LEDGER = "ledger.jsonl"
OF_A_LINE = {"entry": str, "sink": str, "by": str, "target": str, "size": int, "file": dict}
OF_A_FILE = {"path": str, "size": int, "mtime_ns": int, "sha256": str}
SCHEMA = """
    CREATE TABLE made (key INTEGER PRIMARY KEY, at INTEGER);
    CREATE TABLE placed (key INTEGER PRIMARY KEY, at INTEGER);
"""


@dataclass(frozen=True)
class Made:
    """One file that was made of an entry: by which recipe, for which planned target, from which state of the input."""

    recipe: str
    target: str
    size: int
    version: str
    written: PlacedFile


class Recipe:
    """The steps that a file's content depends on, and their digest."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.steps = steps
        self.digest = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


class Ledger:
    """The ledger of one output folder, read once and appended to. Several threads may use it.

    Only recipes are in memory. Of the other lines an index holds where each begins in the file.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / LEDGER
        self.recipes: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._index = private_database(self, SCHEMA)
        self._reading: IO[bytes] | None = None
        self._writing: IO[bytes] | None = None
        with room_for_rows():
            for at, line in _lines(self.path):
                self._take(at, line)

    def made(self, entry: Entry, sink: str) -> Made | None:
        """What was made last of an entry for a sink."""
        name, variant = str(entry.relative), dict(entry.variant)
        line = self._line("made", _key(sink, name, variant))
        if line is None or (line["sink"], line["entry"], line.get("variant", {})) != (sink, name, variant):
            return None
        return Made(line["by"], line["target"], line["size"], _version(line), _written(line))

    def knows(self, path: str) -> bool:
        """Whether a file of that name, below the folder, was ever put in its place by a run."""
        line = self._line("placed", short_key(path))
        return line is not None and line["file"]["path"] == path

    def why(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, folder: Path) -> str:
        """Why the entry's file must be made; empty when it is done and still stands. ``target`` as it is planned."""
        made = self.made(entry, sink)
        if made is None:
            return "new"
        if made.recipe != recipe.digest:
            return difference(self.recipes.get(made.recipe, []), recipe.steps)
        if (made.size, made.version) != (entry.size, entry.version):
            return "the input has changed"
        if made.target != str(target):
            return f"its name was {made.target}"
        if not os.path.exists(folder / made.written.path):  # noqa: PTH110 - Path.exists raises for names too long
            return "the output is missing"
        return "" if made.written.stands(folder) else "the output has been changed"

    def begin(self, recipe: Recipe) -> None:
        """State the recipe that the following files are made by. Raises PlanError when the system refuses."""
        try:
            if recipe.digest not in self.recipes:
                self._append({"recipe": recipe.digest, "steps": recipe.steps})
        except OSError as error:
            raise PlanError(f"{self.path}: cannot write it: {error.strerror}; choose another output folder") from error

    def add(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, written: PlacedFile) -> None:
        """State a file that is about to be put in its place, and sync: a power cut must not know less than the disk."""
        self._append(
            {
                "entry": str(entry.relative),
                **({"variant": dict(entry.variant)} if entry.variant else {}),
                "sink": sink,
                "by": recipe.digest,
                "target": str(target),
                "size": entry.size,
                "version": entry.version,
                "file": asdict(written),
            }
        )

    def close(self) -> None:
        """Let the file go."""
        for handle in (self._reading, self._writing):
            with suppress(OSError):  # a full disk: the items whose lines are lost have failed
                if handle is not None:
                    handle.close()
        self._reading = self._writing = None
        self._index.close()

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            if self._writing is None:
                self._writing = self.path.open("ab")
                self._writing.write(b"\n" if _is_torn(self.path) else b"")
            at = self._writing.tell()
            self._writing.write(json.dumps(line).encode() + b"\n")
            self._writing.flush()
            with room_for_rows():
                self._take(at, line)
            handle = self._writing.fileno()
        os.fsync(handle)  # outside the lock: threads that wait for the disk wait together

    def _take(self, at: int, line: Mapping[str, Any]) -> None:
        if _has(line, {"recipe": str, "steps": list}):
            self.recipes[line["recipe"]] = line["steps"]
        elif _is_of_a_file(line):
            self._enter("placed", short_key(line["file"]["path"]), at)
            variant = line.get("variant", {})
            if isinstance(variant, dict) and all(isinstance(value, str) for value in variant.values()):
                self._enter("made", _key(line["sink"], line["entry"], variant), at)

    def _enter(self, table: str, key: int, at: int) -> None:
        self._index.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, at))

    def _line(self, table: str, key: int) -> Any:
        with self._lock, suppress(ValueError):  # somebody else has written to the file: nothing is known then
            for (at,) in self._index.execute(f"SELECT at FROM {table} WHERE key = ?", (key,)):
                line = json.loads(self._read(at))
                return line if isinstance(line, dict) and _is_of_a_file(line) else None
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


def _is_of_a_file(line: Mapping[str, Any]) -> bool:
    return _has(line, OF_A_LINE) and _has(line["file"], OF_A_FILE) and _version(line) is not None


def _key(sink: str, entry: str, variant: Mapping[str, str]) -> int:
    return short_key(sink, entry, *(text for pair in sorted(variant.items()) for text in pair))


def _version(line: Mapping[str, Any]) -> Any:
    """The input's version tag; lines of the first version state a time in its place. None if there is neither."""
    version, time = line.get("version"), line.get("mtime_ns")
    if isinstance(version, str):
        return version
    return str(time) if type(time) is int else None


def _written(line: Mapping[str, Any]) -> PlacedFile:
    return PlacedFile(**{name: line["file"][name] for name in OF_A_FILE})


def difference(before: Any, after: Any) -> str:
    """What changed between two recipes: ``steps.1.with.tile: 128 -> 256``."""
    changes = list(_changes(before, after, "steps"))
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(changes[:3]) + more or "the recipe is not known"


def _changes(before: Any, after: Any, key: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{key}.{number}")
    elif before != after:
        short = [text if len(text := str(value)) <= 40 else f"{text[:12]}…" for value in (before, after)]
        yield f"{key}: other steps than before" if isinstance(before, list) else f"{key}: {short[0]} -> {short[1]}"


def _has(line: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(type(line.get(name)) is expected for name, expected in types.items())


def _is_torn(path: Path) -> bool:
    """Whether a crash has cut off the last line."""
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(size - 1, 0))
        return handle.read(1) not in (b"", b"\n")


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Where each line begins, and what it states."""
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
