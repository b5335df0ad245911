"""Read regular files only; replace files atomically: a reader sees the old content or the new one; compare contents."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO

CHUNK = 1 << 20
# Opening a pipe or a device with these flags never waits; systems that lack a flag do not need it.
READ_ONLY = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_NONBLOCK", "O_NOCTTY"))


class NotRegularError(OSError):
    """A folder, pipe, device or socket where a regular file belongs; ``strerror`` is the reason in words."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; links to it are followed.

    What else the path may lead to is refused at once: opening a pipe would wait for its other end, and reading a device
    may never end.

    Raises:
        NotRegularError: it is a folder, a pipe, a device or a socket.
        OSError: it cannot be opened.
    """
    prove_regular(path)  # before it is opened, which has effects on some devices
    handle = open(path, "rb", opener=lambda name, _: os.open(name, READ_ONLY))  # noqa: SIM115
    try:
        _prove(os.fstat(handle.fileno()), path)  # it may have been replaced in between
    except OSError:
        handle.close()
        raise
    return handle


def prove_regular(path: Path) -> None:
    """Check a file that a library opens by its name.

    Raises:
        NotRegularError: see ``open_regular``.
        OSError: there is no such file, or it cannot be accessed.
    """
    _prove(path.stat(), path)


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Read a regular file of up to ``limit`` bytes.

    Raises:
        NotRegularError: see ``open_regular``.
        OSError: it cannot be read, or is larger; not more than the limit is read.
    """
    with open_regular(path) as handle:
        data = handle.read() if limit is None else handle.read(limit + 1)
    if limit is not None and len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit >> 20} MiB, the limit for such a file", str(path))
    return data


def read_text(path: Path, limit: int) -> str:
    """Read a text file in UTF-8 of up to ``limit`` bytes. Raises UnicodeDecodeError, and what ``read_bytes`` raises."""
    return read_bytes(path, limit).decode("utf-8").replace("\r\n", "\n")


def _prove(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise NotRegularError(errno.EISDIR, "is a folder, not a file", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(errno.EINVAL, "is not a regular file", str(path))


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file next to ``path`` that replaces it when the body ends; if the body raises, ``path`` is unchanged.

    Raises:
        OSError: the file cannot be written; ``path`` is unchanged.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()  # of a run that was killed; a link or a pipe of that name must not be written to
        with fresh.open("xb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace a file atomically. Text is written as UTF-8; undecodable bytes of file names are written as escapes."""
    with replacing(path) as handle:
        handle.write(encoded(content))


def encoded(content: bytes | str) -> bytes:
    """Return the bytes that ``write_whole`` writes."""
    return content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")


def blocks(content: bytes | IO[bytes]) -> Iterator[bytes]:
    """Yield bytes as they are, or the content of a file in blocks, and close it."""
    if isinstance(content, bytes):
        yield content
        return
    with content as file:
        file.seek(0)
        while block := file.read(CHUNK):
            yield block


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
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def same_content(first: Path, second: Path) -> bool:
    """Whether two regular files have the same bytes. Raises OSError if one cannot be read, or is not a regular file."""
    with open_regular(first) as one, open_regular(second) as other:
        status = [os.fstat(handle.fileno()) for handle in (one, other)]
        if os.path.samestat(*status):
            return True
        if status[0].st_size != status[1].st_size:
            return False
        while (part := one.read(CHUNK)) == other.read(CHUNK):
            if not part:
                return True
    return False
