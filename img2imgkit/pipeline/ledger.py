"""The ledger records which output was made from which input by which recipe, so that a later run can skip it.

``.img2img/ledger.jsonl`` is append-only, one JSON object per line: ``{"recipe": digest, "steps": [...]}`` once for each
recipe, then a line for each file written. The last line of an entry counts. Lines that this version does not understand
(torn by a crash, edited, written by another version) are ignored: their files are remade. Names of files are written as
their bytes in UTF-8, whatever the locale, so that they mean the same files everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.anchored import RefusedError
from img2imgkit.pipeline.output_folder import PlacedFile
from img2imgkit.pipeline.own_files import LEDGER, open_own, refusal, reserved
from img2imgkit.pipeline.spill import full_disk_errors, private_database, short_key

MAX_LINE = 1 << 20  # bytes; longer lines are ignored
LINE_FIELDS = {"entry": str, "sink": str, "by": str, "target": str, "size": int, "file": dict}
FILE_FIELDS = {"path": str, "size": int, "mtime_ns": int, "sha256": str}
SCHEMA = """
    CREATE TABLE made (key INTEGER PRIMARY KEY, at INTEGER);
    CREATE TABLE placed (key INTEGER PRIMARY KEY, at INTEGER);
"""


@dataclass(frozen=True)
class Record:
    """A file made from an entry: its recipe, its planned target, and the size and version of the input."""

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
    """The ledger of one output folder, read once and appended to. It is thread-safe.

    Only recipes are kept in memory. For other lines an index stores their offsets in the file.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / LEDGER
        self.recipes: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._index = private_database(self, SCHEMA)
        self._writing: IO[bytes] | None = None
        self._reading = self._opened_for_reading()
        if self._reading is not None:
            with full_disk_errors(), self._read_errors():
                for at, line in _lines(self._reading):
                    self._add_to_index(at, line)

    def latest(self, entry: Entry, sink: str) -> Record | None:
        """Return the record of the file last made from an entry for a sink."""
        name, variant = _stored(str(entry.relative)), dict(entry.variant)
        line = self._line("made", _key(sink, name, variant))
        if line is None or (line["sink"], line["entry"], line.get("variant", {})) != (sink, name, variant):
            return None
        return Record(line["by"], _native(line["target"]), line["size"], _version(line), _written(line))

    def knows(self, path: str) -> bool:
        """Whether a run has ever written a file at this path below the folder."""
        line = self._line("placed", short_key(_stored(path)))
        return line is not None and line["file"]["path"] == _stored(path)

    def reason(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, folder: Path) -> str:
        """Return why an entry's file must be made, or "" if it is up to date. ``target`` is the planned target."""
        record = self.latest(entry, sink)
        if record is None:
            return "new"
        if record.recipe != recipe.digest:
            return difference(self.recipes.get(record.recipe, []), recipe.steps)
        if (record.size, record.version) != (entry.size, entry.version):
            return "the input has changed"
        if record.target != str(target):
            return f"its name was {record.target}"
        if not os.path.exists(folder / record.written.path):  # noqa: PTH110 - Path.exists raises for names too long
            return "the output is missing"
        return "" if record.written.is_unchanged(folder) else "the output has been changed"

    def begin(self, recipe: Recipe) -> None:
        """Record the recipe of the files that follow. Raises PlanError if the ledger cannot be written."""
        try:
            self._open_for_appending()
            if recipe.digest not in self.recipes:
                self._append({"recipe": recipe.digest, "steps": recipe.steps})
        except RefusedError as error:
            raise refusal(error) from error
        except OSError as error:
            raise PlanError(f"{self.path}: cannot write it: {error.strerror}; choose another folder") from error

    def add(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, written: PlacedFile) -> None:
        """Record a file that is about to be placed, and sync: after a power cut every placed file must be on record."""
        self._append(
            {
                "entry": _stored(str(entry.relative)),
                **({"variant": dict(entry.variant)} if entry.variant else {}),
                "sink": sink,
                "by": recipe.digest,
                "target": _stored(str(target)),
                "size": entry.size,
                "version": entry.version,
                "file": {**asdict(written), "path": _stored(written.path)},
            }
        )

    def close(self) -> None:
        """Close the file."""
        for handle in (self._reading, self._writing):
            with suppress(OSError):  # the disk is full: the items whose lines are lost have failed
                if handle is not None:
                    handle.close()
        self._reading = self._writing = None
        self._index.close()

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            file = self._open_for_appending()
            at = file.tell()
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            with full_disk_errors():
                self._add_to_index(at, line)
            handle = file.fileno()
        os.fsync(handle)  # outside the lock, so that threads wait for the disk concurrently

    def _open_for_appending(self) -> IO[bytes]:
        """Open the file once. It stays the same file if the folder is moved during the run."""
        if self._writing is None:
            descriptor = open_own(self.path.parent.parent, LEDGER, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            self._writing = os.fdopen(descriptor, "a+b")
            if _is_torn(self._writing):
                self._writing.write(b"\n")
        return self._writing

    def _opened_for_reading(self) -> IO[bytes] | None:
        with self._read_errors(), suppress(FileNotFoundError):
            handle = os.fdopen(open_own(self.path.parent.parent, LEDGER, os.O_RDONLY), "rb")
            weakref.finalize(self, handle.close)
            return handle
        return None

    @contextmanager
    def _read_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except RefusedError as error:
            raise refusal(error) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PlanError(f"{self.path}: cannot read it: {reason}; choose another output folder") from error

    def _add_to_index(self, at: int, line: Mapping[str, Any]) -> None:
        if _has(line, {"recipe": str, "steps": list}):
            self.recipes[line["recipe"]] = line["steps"]
        elif _is_output_line(line):
            self._set_offset("placed", short_key(line["file"]["path"]), at)
            variant = line.get("variant", {})
            if isinstance(variant, dict) and all(isinstance(value, str) for value in variant.values()):
                self._set_offset("made", _key(line["sink"], line["entry"], variant), at)

    def _set_offset(self, table: str, key: int, at: int) -> None:
        self._index.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, at))

    def _line(self, table: str, key: int) -> Any:
        with self._lock, suppress(ValueError, RecursionError):  # another program has modified the file: unknown lines
            for (at,) in self._index.execute(f"SELECT at FROM {table} WHERE key = ?", (key,)):
                line = json.loads(self._read(at))
                return line if isinstance(line, dict) and _is_output_line(line) else None
        return None

    def _read(self, at: int) -> bytes:
        self._reading = self._reading or self._opened_for_reading()
        if self._reading is None:  # removed by another program
            return b""
        with self._read_errors():
            self._reading.seek(at)
            return self._reading.readline(MAX_LINE)


def _is_output_line(line: Mapping[str, Any]) -> bool:
    valid = _has(line, LINE_FIELDS) and _has(line["file"], FILE_FIELDS) and _version(line) is not None
    return valid and _is_below(line["file"]["path"])


def _is_below(path: str) -> bool:
    """Whether a path leads to a file below the folder: a ledger from elsewhere could name any file."""
    return not (reserved(PurePosixPath(path)) or "\0" in path or (os.name == "nt" and (":" in path or "\\" in path)))


def _stored(name: str) -> str:
    """Return a file name as the ledger writes it: its bytes as UTF-8, those that are not UTF-8 as surrogates."""
    try:
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file can have this name in this locale
        return name


def _native(name: str) -> str:
    """The inverse of ``_stored``."""
    try:
        return name if name.isascii() else os.fsdecode(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return name


def _key(sink: str, entry: str, variant: Mapping[str, str]) -> int:
    return short_key(sink, entry, *(text for pair in sorted(variant.items()) for text in pair))


def _version(line: Mapping[str, Any]) -> Any:
    """Return the input's version tag. Lines of the first version have a time instead. None if there is neither."""
    version, time = line.get("version"), line.get("mtime_ns")
    if isinstance(version, str):
        return version
    return str(time) if type(time) is int else None


def _written(line: Mapping[str, Any]) -> PlacedFile:
    file = {name: line["file"][name] for name in FILE_FIELDS}
    return PlacedFile(**{**file, "path": _native(file["path"])})


def difference(before: Any, after: Any) -> str:
    """Describe the changes between two recipes: ``steps.1.with.tile: 128 -> 256``."""
    changes = list(_changes(before, after, "steps"))
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(changes[:3]) + more or "the recipe is unknown"


def _changes(before: Any, after: Any, key: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{key}.{number}")
    elif before != after:
        short = [text if len(text := str(value)) <= 40 else f"{text[:12]}…" for value in (before, after)]
        yield f"{key}: the steps have changed" if isinstance(before, list) else f"{key}: {short[0]} -> {short[1]}"


def _has(line: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(type(line.get(name)) is expected for name, expected in types.items())


def _is_torn(file: IO[bytes]) -> bool:
    """Whether a crash has cut off the last line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    return file.read(1) not in (b"", b"\n")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
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
