"""The lock of an output folder: an open file that one process holds."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from typing import Any

MAX_OWNER = 4096  # bytes read of a lock file
LOCKED_BYTE = 1 << 30  # on Windows; behind the text, which must stay readable


def owner_of(lock: int) -> str:
    """Return the owner that a lock file names. It may be torn, or from another version."""
    try:
        os.lseek(lock, 0, os.SEEK_SET)
        stated: dict[str, Any] = json.loads(os.read(lock, MAX_OWNER))
        return f"process {int(stated['pid'])} on {stated['host']} since {stated['since']}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "its owner is unknown"


def try_lock(lock: int) -> bool:
    """Acquire a lock. The system releases it when the process ends, however it ends, so it is never stale.

    Another run may hold it for a moment, only to see whether it is free: hence the second attempt.
    """
    if _locked(lock):
        return True
    time.sleep(0.2)
    return _locked(lock)


def _locked(lock: int) -> bool:
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
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the file system has no locks: better unlocked than unusable
    return True


def write_owner(lock: int) -> None:
    """Write this process into a lock that it holds. If the disk is full, the lock names no owner, but is effective."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.lseek(lock, 0, os.SEEK_SET)
        os.write(lock, json.dumps(owner).encode())
