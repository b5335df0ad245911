"""Replace files atomically: a reader sees either the old content or the new, even after a crash. Compare contents."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

CHUNK = 1 << 20


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


def sha256(path: Path) -> str:
    """Return the digest of a regular file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
    """
    with _open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def same_content(first: Path, second: Path) -> bool:
    """Whether two regular files have the same bytes. Raises OSError if one cannot be read, or is not a regular file."""
    with _open_regular(first) as one, _open_regular(second) as other:
        status = [os.fstat(handle.fileno()) for handle in (one, other)]
        if os.path.samestat(*status):
            return True
        if status[0].st_size != status[1].st_size:
            return False
        while (part := one.read(CHUNK)) == other.read(CHUNK):
            if not part:
                return True
    return False


def _open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; a pipe or a device, which could block, is an error."""
    handle = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(f"{path}: is not a regular file")
    return handle
