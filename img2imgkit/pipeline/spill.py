"""Per-entry rows, kept in memory while there are few and spilled to disk when there are many.

SQLite does this for a database without a name: rows stay in its cache until it is full, then spill to an unnamed
temporary file. The system deletes it when the process ends, however it ends, so there is nothing to clean up.
"""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from img2imgkit.errors import PlanError

BATCH = 500  # rows
CACHE = 16 << 20  # bytes; about 60,000 entries


def private_database(owner: object, schema: str, cache: int = CACHE) -> sqlite3.Connection:
    """Open a database that is private to this process. The caller serialises access between threads.

    Args:
        owner: the database is closed when this object is garbage-collected
        schema: the statements that create its tables
        cache: the number of bytes kept in memory
    """
    database = sqlite3.connect("", check_same_thread=False)
    weakref.finalize(owner, database.close)
    for pragma in (f"cache_size = -{max(1, cache >> 10)}", "journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(schema)
    return database


class Rows:
    """Rows for one table, inserted in batches: an insert for each one would take most of a plan's time."""

    def __init__(self, database: sqlite3.Connection, insert: str) -> None:
        """``insert`` is the statement that inserts one row."""
        self._database, self._insert, self._waiting = database, insert, list[tuple[Any, ...]]()

    def add(self, *row: Any) -> None:
        """Add a row. Raises PlanError if the temporary folder is full."""
        self._waiting.append(row)
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Insert the rows added so far, before a query. Raises PlanError if the temporary folder is full."""
        if self._waiting:
            rows, self._waiting = self._waiting, []
            with full_disk_errors():
                self._database.executemany(self._insert, rows)


@contextmanager
def full_disk_errors() -> Iterator[None]:
    """Turn a full disk into a PlanError that names the temporary folder."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise PlanError(
            f"cannot store the plan in the temporary folder: {error}; free some space, or set TMPDIR to another folder"
        ) from error


def short_key(*texts: str) -> int:
    """Return a 64-bit hash for an index. Different texts can share a key: compare the text of each row found."""
    text = "\0".join(texts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)
