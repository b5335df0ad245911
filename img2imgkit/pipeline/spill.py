"""Rows that a run keeps for each entry: in memory while there are few, on disk when there are many.

SQLite does this for a database without a name: rows stay in its cache until that is full, then go to a temporary file,
which has no name either, or is deleted when the process ends in whatever way. Nothing has to be removed afterwards.
"""

from __future__ import annotations

import hashlib
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from img2imgkit.errors import PlanError

CACHE = 16 << 20  # bytes; about 60,000 entries


def private_database(owner: object, schema: str, cache: int = CACHE) -> sqlite3.Connection:
    """A database of this process alone. Its user keeps threads apart.

    Args:
        owner: the database is closed when this object is collected
        schema: the statements that make its tables
        cache: bytes of rows that stay in memory
    """
    database = sqlite3.connect("", check_same_thread=False)
    weakref.finalize(owner, database.close)
    for pragma in (f"cache_size = -{max(1, cache >> 10)}", "journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    database.executescript(schema)
    return database


@contextmanager
def room_for_rows() -> Iterator[None]:
    """Turns a full disk into a PlanError that says where the rows go."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise PlanError(
            f"cannot keep the plan in the temporary folder: {error}; free some space, or set TMPDIR to another folder"
        ) from error


def short_key(*parts: str) -> int:
    """64 bits that stand for a text in an index. Who finds a row by it compares the text itself, too."""
    text = "\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)
