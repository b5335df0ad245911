"""Exclusive locks of folders, held by a file that the system unlocks when its process ends, however it ends."""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from img2imgkit.errors import LockError

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def locked(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock file ``path`` during the body. The file is kept, because removing it would unlock it for others.

    Args:
        holder: who uses the folder, for the error: "another training"

    Raises:
        LockError: another process holds it, or the file is a link, a pipe or something else that is not ours.
        OSError: the file cannot be created.
    """
    with _opened(path) as handle:
        if not try_lock(handle):
            handle.seek(0)
            raise LockError(
                f"{path.parent}: {holder} is using this folder ({owner(handle.read())}); wait for it, or stop that "
                "process"
            )
        with suppress(OSError):  # the disk is full: the lock is still effective, but does not name its owner
            handle.truncate(0)
            os.write(handle.fileno(), this_process().encode())
        try:
            yield
        finally:
            with suppress(OSError):
                handle.truncate(0)


def _opened(path: Path) -> IO[str]:
    """Open a lock file, or create it. Another person's file behind a link would be truncated."""
    if path.is_symlink():
        raise LockError(f"{path}: is a link, not a lock file; remove it")
    number = os.open(path, _FLAGS, 0o666)
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(number)
        raise LockError(f"{path}: is not a lock file, but a link, pipe or device; remove it")
    return os.fdopen(number, "r+", encoding="utf-8", errors="replace")


def this_process() -> str:
    """Describe this process in a lock file."""
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")})


def owner(text: str) -> str:
    """Format the content of a lock file for an error."""
    try:
        stated: dict[str, Any] = json.loads(text)
        return f"process {stated['pid']} on {stated['host']} since {stated['since']}"
    except (ValueError, KeyError, TypeError):
        return "its owner is unknown"


def try_lock(handle: IO[str]) -> bool:
    """Acquire the lock. The system releases it when the process ends, however it ends, so it is never stale."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the file system has no locks: better unlocked than unusable
    return True
