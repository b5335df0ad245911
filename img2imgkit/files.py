"""Replace files atomically: a reader sees either the old content or the new, even after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, unfinished: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces ``path`` when the body ends; if the body raises, ``path`` is unchanged.

    Args:
        unfinished: the temporary file, on the same file system; ``.NAME.new`` next to ``path`` if None

    Raises:
        OSError: the file cannot be written; ``path`` is unchanged.
    """
    fresh = unfinished or path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()


def write_whole(path: Path, content: bytes | str, unfinished: Path | None = None) -> None:
    """Replace a file atomically. Text is written as UTF-8; undecodable bytes of file names are written as escapes."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    with replacing(path, unfinished) as handle:
        handle.write(data)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power failure; does nothing on Windows.

    Raises:
        OSError: the folder cannot be synced.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
