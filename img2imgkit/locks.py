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
from typing import Any

from img2imgkit.errors import LockError

PAUSE = 0.2  # seconds between two attempts
MAX_OWNER = 4096  # bytes read of a lock file
LOCKED_BYTE = 1 << 30  # on Windows; behind the text, which must stay readable
_FLAGS = os.O_RDWR | os.O_CREAT | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


@contextmanager
def locked(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock file ``path`` during the body. The file is kept, because removing it would unlock it for others.

    Args:
        holder: who uses the folder, for the error: "another training"

    Raises:
        LockError: another process holds it, or the file is a link, a pipe or something else that is not ours.
        OSError: the file cannot be created.
    """
    lock = _opened(path)
    try:
        if not try_lock(lock):
            raise in_use(path.parent, holder, lock)
        write_owner(lock)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _opened(path: Path) -> int:
    """Open a lock file, or create it. Another person's file behind a link would be truncated."""
    if path.is_symlink():
        raise LockError(f"{path}: is a link, not a lock file; remove it")
    lock = os.open(path, _FLAGS, 0o666)
    found = os.fstat(lock)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(lock)
        raise LockError(f"{path}: is not a lock file, but a link, pipe or device; remove it")
    return lock


def in_use(folder: Path, holder: str, lock: int) -> LockError:
    """Return the error of a folder whose lock another process holds."""
    return LockError(f"{folder}: {holder} is using this folder ({owner_of(lock)}); wait for it, or stop that process")


def owner_of(lock: int) -> str:
    """Return the owner that a lock file names. It may be torn, or from another version."""
    try:
        os.lseek(lock, 0, os.SEEK_SET)
        stated: dict[str, Any] = json.loads(os.read(lock, MAX_OWNER))
        return f"process {int(stated['pid'])} on {stated['host']} since {stated['since']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "its owner is unknown"


def write_owner(lock: int) -> None:
    """Write this process into a lock that it holds. If the disk is full, the lock names no owner, but is effective."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.lseek(lock, 0, os.SEEK_SET)
        os.write(lock, json.dumps(owner).encode())


def try_lock(lock: int, shared: bool = False) -> bool:
    """Acquire a lock, alone or with others that share it.

    The system releases it when the process ends, however it ends, so it is never stale. Another process may hold it for
    a moment, only to see whether it is free: hence the second attempt.
    """
    if _acquired(lock, shared):
        return True
    time.sleep(PAUSE)
    return _acquired(lock, shared)


def _acquired(lock: int, shared: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(lock, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the file system has no locks: better unlocked than unusable
    return True
