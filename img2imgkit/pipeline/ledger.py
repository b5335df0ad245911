"""The ledger records which output was made from which input by which recipe, so that a later run can skip it.

``.img2img/ledger.jsonl`` is append-only, one JSON object per line: ``{"recipe": digest, "steps": [...]}`` once for each
recipe, then a line for each file written, and ``{"removed": path}`` for each file that is no longer an output. The last
line of an entry counts. Lines that this version does not understand (torn by a crash, edited, written by another
version) are ignored: their files are remade. Names of files are written as their bytes in UTF-8, whatever the locale,
so that they mean the same files everywhere.
"""

from __future__ import annotations

import json
import os
import random
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline.anchored import RefusedError
from img2imgkit.pipeline.ledger_lines import (
    MAX_LINE,
    Record,
    has,
    index_key,
    is_below,
    is_output_line,
    is_torn,
    lines,
    output_line,
    placed_file,
    record_of,
    stored,
    variant_of,
)
from img2imgkit.pipeline.output_folder import PlacedFile
from img2imgkit.pipeline.own_files import LEDGER, open_own, refusal
from img2imgkit.pipeline.recipe import Recipe, difference, input_change
from img2imgkit.pipeline.spill import full_disk_errors, private_database, short_key

SCHEMA = """
    CREATE TABLE made (key INTEGER PRIMARY KEY, at INTEGER);
    CREATE TABLE placed (key INTEGER PRIMARY KEY, at INTEGER);
"""


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
        self._is_empty = True
        self._writing: IO[bytes] | None = None
        self._reading = self._opened_for_reading()
        if self._reading is not None:
            with full_disk_errors(), self._read_errors():
                for at, line in lines(self._reading):
                    self._add_to_index(at, line)

    def latest(self, entry: Entry, sink: str) -> Record | None:
        """Return the record of the file last made from an entry for a sink."""
        if self._is_empty:  # as is that of every new folder
            return None
        name, variant = stored(str(entry.relative)), dict(entry.variant)
        line = self._line("made", index_key(sink, name, variant))
        if line is None or (line["sink"], line["entry"], line.get("variant", {})) != (sink, name, variant):
            return None
        return record_of(line)

    def knows(self, path: str) -> bool:
        """Whether a run has ever written a file at this path below the folder."""
        line = self._line("placed", short_key(stored(path)))
        return line is not None and line["file"]["path"] == stored(path)

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
                yield Output(placed_file(line), record_of(line).location, self._is_latest(line, at))

    def remove(self, paths: Iterable[str]) -> None:
        """Record that these files are no longer outputs."""
        for path in paths:
            self._append({"removed": stored(path)}, sync=False)

    def _is_latest(self, line: Mapping[str, Any], at: int) -> bool:
        variant = variant_of(line)
        if variant is None:
            return False
        at_key = index_key(line["sink"], line["entry"], variant)
        return self._index.execute("SELECT at FROM made WHERE key = ?", (at_key,)).fetchone() == (at,)

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
            self._open_for_appending()
            if recipe.digest not in self.recipes:
                self._append({"recipe": recipe.digest, "steps": recipe.steps})
        except RefusedError as error:
            raise refusal(error) from error
        except OSError as error:
            raise PlanError(f"{self.path}: cannot write it: {error.strerror}; choose another folder") from error

    def add(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, written: PlacedFile) -> None:
        """Record a file that is about to be placed, and sync: after a power cut every placed file must be on record."""
        self._append(output_line(entry, sink, recipe.digest, str(target), written))

    def move(self, entry: Entry, sink: str) -> None:
        """Record that the input of an up-to-date file is now at ``entry.location``, without waiting for the disk."""
        record = self.latest(entry, sink)
        if record is not None and record.location != entry.location:
            line = output_line(entry, sink, record.recipe, record.target, record.written)
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
            file = self._open_for_appending()
            at = file.tell()
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            with full_disk_errors():
                self._add_to_index(at, line)
            handle = file.fileno()
        if sync:
            os.fsync(handle)  # outside the lock, so that threads wait for the disk concurrently

    def _open_for_appending(self) -> IO[bytes]:
        """Open the file once. It stays the same file if the folder is moved during the run."""
        if self._writing is None:
            descriptor = open_own(self.path.parent.parent, LEDGER, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            self._writing = os.fdopen(descriptor, "a+b")
            if is_torn(self._writing):
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
        if has(line, {"recipe": str, "steps": list}):
            self.recipes[line["recipe"]] = line["steps"]
        elif has(line, {"removed": str}):
            self._index.execute("DELETE FROM placed WHERE key = ?", (short_key(line["removed"]),))
        elif is_output_line(line):
            self._set_offset("placed", short_key(line["file"]["path"]), at)
            variant = variant_of(line)
            if variant is not None and is_below(line["file"]["path"]):  # a ledger from elsewhere could name any file
                self._set_offset("made", index_key(line["sink"], line["entry"], variant), at)

    def _set_offset(self, table: str, key: int, at: int) -> None:
        self._is_empty = False
        self._index.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, at))

    def _line(self, table: str, key: int) -> Any:
        with self._lock:
            found = self._index.execute(f"SELECT at FROM {table} WHERE key = ?", (key,)).fetchone()
            return self._line_at(*found) if found else None

    def _line_at(self, at: int) -> Any:
        with suppress(ValueError, RecursionError):  # another program has modified the file: treat the line as unknown
            line = json.loads(self._read(at))
            return line if isinstance(line, dict) and is_output_line(line) else None
        return None

    def _read(self, at: int) -> bytes:
        self._reading = self._reading or self._opened_for_reading()
        if self._reading is None:  # removed by another program
            return b""
        with self._read_errors():
            self._reading.seek(at)
            return self._reading.readline(MAX_LINE)
