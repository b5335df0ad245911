"""Output folders: their lock, and atomic placement of files.

The tool's own files are in the subfolder ``.img2img/``: the lock, the ledger, unfinished files, thumbnails.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

from img2imgkit import files
from img2imgkit.errors import EncodeError, LockError, PlanError
from img2imgkit.item import local_path
from img2imgkit.step import Sink

STATE = ".img2img"
REPORTS = ("report.json", "report.html")


def folder_of(sink: Sink) -> Path:
    """Return the folder that a sink writes to. Raises PlanError if its location is a URL."""
    try:
        return local_path(sink.location())
    except ValueError as error:
        raise PlanError(f"step {sink.name!r}: {error}; only local folders can be written") from error


def resolved(folder: Path) -> Path:
    """Return the folder with links resolved. Raises PlanError if the path cannot be resolved."""
    try:
        return folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, or a null character
        raise PlanError(f"{folder}: cannot be used as a folder: {error}") from error


@dataclass(frozen=True)
class PlacedFile:
    """A file in place: its path below the folder, its size, time and digest."""

    path: str
    size: int
    mtime_ns: int
    sha256: str

    def is_unchanged(self, folder: Path) -> bool:
        """Whether the file still exists as it was written; its bytes are read only if its time has changed."""
        path = folder / self.path
        try:
            found = path.stat()
            if found.st_size != self.size:
                return False
            return found.st_mtime_ns == self.mtime_ns or files.sha256(path) == self.sha256
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class StagedFile:
    """A complete file that is not yet in place: its path, its size, time and digest."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


class OutputFolder:
    """Locks an output folder for one run. A context manager: the lock is held for the duration of the body."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / STATE
        self._lock: IO[str] | None = None
        self._changed: set[Path] = set()

    def __enter__(self) -> OutputFolder:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            self._lock = (self.state / "lock").open("a+", encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PlanError(f"{self.folder}: cannot write to this folder: {reason}; choose another one") from error
        if not _try_lock(self._lock):
            with self._lock:
                raise _in_use(self.folder, self._lock)
        with suppress(OSError):  # the disk is full: the lock is still effective, but does not name its owner
            self._lock.truncate(0)
            owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            os.write(self._lock.fileno(), json.dumps(owner).encode())
        shutil.rmtree(self.state / "unfinished", ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._changed:
            with suppress(OSError):
                _sync_folder(folder)
        with suppress(OSError):  # left behind by workers that died
            for path in list((self.state / "unfinished").iterdir()):
                with suppress(OSError):
                    path.unlink()
        if self._lock is not None:
            with suppress(OSError):
                self._lock.truncate(0)
            self._lock.close()

    def place(self, staged: StagedFile, target: PurePosixPath, record: Callable[[PlacedFile], None]) -> PlacedFile:
        """Move a staged file into place: ``record`` it, then rename it. An existing file is replaced atomically.

        It is recorded before the rename, so that a kill between the two leaves either a file that the ledger knows, or
        an entry whose file is missing and is remade. The rename itself is synced when the folder is unlocked.

        Raises:
            EncodeError: the file cannot be written (no space, no permission, a folder of that name, ...).
        """
        path = self.folder / target
        with _encode_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            written = PlacedFile(str(target), staged.size, staged.mtime_ns, staged.sha256)
            record(written)
            Path(staged.path).replace(path)
            self._changed.add(path.parent)
        return written


@contextmanager
def kept_from_runs(folder: Path) -> Iterator[None]:
    """Keep runs out of an output folder that is being read. Nothing is written, so its disk may be read-only.

    Raises:
        LockError: a run is using the folder.
    """
    with ExitStack() as stack:
        path = folder / STATE / "lock"
        if path.is_file():  # otherwise no run has ever locked it
            with suppress(PermissionError):  # another user's
                lock = stack.enter_context(path.open(encoding="utf-8", errors="replace"))
                if not _try_lock(lock, shared=True):
                    raise _in_use(folder, lock)
        yield


def _in_use(folder: Path, lock: IO[str]) -> LockError:
    lock.seek(0)
    return LockError(
        f"{folder}: another run is using this folder ({_owner(lock.read())}); wait for it, or stop that process"
    )


def stage(folder: Path, target: PurePosixPath, data: bytes, modified: int | None = None) -> StagedFile:
    """Write and sync an unfinished file in an output folder, for ``OutputFolder.place`` to move into place.

    ``modified`` is its modification time, in nanoseconds since 1970; None: now.

    Its name is unique: a worker that was presumed dead cannot write into its successor's file.

    Raises:
        EncodeError: the file cannot be written.
    """
    path = folder / STATE / "unfinished" / uuid.uuid4().hex
    with _encode_errors(folder / target):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as handle:
                handle.write(data)
                handle.flush()
                if modified is not None:
                    os.utime(path, ns=(modified, modified))
                os.fsync(handle.fileno())
                found = os.fstat(handle.fileno())
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
    return StagedFile(str(path), found.st_size, found.st_mtime_ns, hashlib.sha256(data).hexdigest())


def unstage(staged: StagedFile) -> None:
    """Remove a staged file that was not placed, if it still exists."""
    with suppress(OSError):
        os.unlink(staged.path)  # noqa: PTH108


@contextmanager
def _encode_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system into an EncodeError that names the output."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: an impossible file name
        reason = getattr(error, "strerror", None) or error
        raise EncodeError(f"{path}: cannot write it: {reason}") from error


def write_report_file(path: Path, text: str) -> None:
    """Replace a text file of an output folder atomically; the next run removes what a kill leaves behind."""
    unfinished = path.parent / STATE / "unfinished" / path.name
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(path, text, unfinished)


def _owner(text: str) -> str:
    try:
        stated: dict[str, Any] = json.loads(text)
        return f"process {stated['pid']} on {stated['host']} since {stated['since']}"
    except (ValueError, KeyError, TypeError):
        return "its owner is unknown"


def _try_lock(handle: IO[str], shared: bool = False) -> bool:
    """Acquire the lock, alone or with others that share it.

    The system releases it when the process ends, however it ends, so it is never stale.
    """
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
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the file system has no locks: better unlocked than unusable
    return True


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
