"""An output folder: who holds it, and how a file gets into it whole or not at all.

Everything of ours lies in ``.img2img/`` inside it: the lock, the ledger, unfinished files, thumbnails.
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
from contextlib import contextmanager, suppress
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
    """The folder that a sink writes to. Raises PlanError if its location is a URL."""
    try:
        return local_path(sink.location())
    except ValueError as error:
        raise PlanError(f"step {sink.name!r}: {error}; only local folders can be written") from error


def resolved(folder: Path) -> Path:
    """The folder without links in its path. Raises PlanError if there cannot be one."""
    try:
        return folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a null character
        raise PlanError(f"{folder}: cannot be a folder: {error}") from error


@dataclass(frozen=True)
class PlacedFile:
    """A file in its place: its path below the folder, and what identifies it."""

    path: str
    size: int
    mtime_ns: int
    sha256: str

    def stands(self, folder: Path) -> bool:
        """Whether that file is still there as it was written; its bytes are read only when its time has changed."""
        path = folder / self.path
        try:
            found = path.stat()
            if found.st_size != self.size:
                return False
            return found.st_mtime_ns == self.mtime_ns or _sha256(path) == self.sha256
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class StagedFile:
    """A complete file that is not in its place yet: where it lies, and what identifies it."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


class OutputFolder:
    """Holds an output folder for one run. A context manager: the lock lasts as long as the body."""

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
            raise PlanError(f"{self.folder}: cannot write there: {reason}; choose another folder") from error
        if not _try_lock(self._lock):
            self._lock.seek(0)
            holder = _owner(self._lock.read())
            self._lock.close()
            raise LockError(
                f"{self.folder}: another run holds this folder ({holder}); wait for it, or stop that process"
            )
        with suppress(OSError):  # a full disk: the lock holds all the same, only its owner is not told
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
        with suppress(OSError):  # workers that have died leave files behind
            for path in list((self.state / "unfinished").iterdir()):
                with suppress(OSError):
                    path.unlink()
        if self._lock is not None:
            with suppress(OSError):
                self._lock.truncate(0)
            self._lock.close()

    def place(self, staged: StagedFile, target: PurePosixPath, record: Callable[[PlacedFile], None]) -> PlacedFile:
        """Put a staged file in its place: ``record`` it, rename. A file that was there is replaced at once.

        It is recorded before the rename, so that a kill between the two leaves either a file that the ledger knows,
        or an entry whose file is missing and is made again. The rename itself is synced when the folder is let go.

        Raises:
            EncodeError: the system refuses (no space, no permission, a folder of that name, ...).
        """
        path = self.folder / target
        with _refusals(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            written = PlacedFile(str(target), staged.size, staged.mtime_ns, staged.sha256)
            record(written)
            Path(staged.path).replace(path)
            self._changed.add(path.parent)
        return written


def stage(folder: Path, target: PurePosixPath, data: bytes) -> StagedFile:
    """Write and sync a file among an output folder's unfinished files, from where ``OutputFolder.place`` takes it.

    Its name is used once: a worker that was given up for dead cannot write into the file of the next one.

    Raises:
        EncodeError: the system refuses.
    """
    path = folder / STATE / "unfinished" / uuid.uuid4().hex
    with _refusals(folder / target):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
                found = os.fstat(handle.fileno())
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
    return StagedFile(str(path), found.st_size, found.st_mtime_ns, hashlib.sha256(data).hexdigest())


def unstage(staged: StagedFile) -> None:
    """Remove a staged file that has not been put in its place, if it is still there."""
    with suppress(OSError):
        os.unlink(staged.path)  # noqa: PTH108


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turns what the system refuses into an EncodeError that names the output."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name that no system takes
        reason = getattr(error, "strerror", None) or error
        raise EncodeError(f"{path}: cannot write it: {reason}") from error


def write_report_file(path: Path, text: str) -> None:
    """Replace a text file of an output folder at once; what a kill leaves of it, the next run removes."""
    unfinished = path.parent / STATE / "unfinished" / path.name
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(path, text, unfinished)


def _owner(text: str) -> str:
    try:
        stated: dict[str, Any] = json.loads(text)
        return f"process {stated['pid']} on {stated['host']} since {stated['since']}"
    except (ValueError, KeyError, TypeError):
        return "its owner is not known yet"


def _try_lock(handle: IO[str]) -> bool:
    """Take the lock; the system releases it when the process ends in whatever way, so it is never stale."""
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
        return True  # a file system without locks: better unlocked than unusable
    return True


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
