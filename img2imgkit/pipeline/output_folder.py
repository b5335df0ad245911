"""Output folders: their lock, and atomic placement of files.

An output folder may come from elsewhere, or change while a run writes to it: nothing is placed through a link, and the
lock is checked before each file.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO

from img2imgkit.errors import EncodeError, LockError, PlanError
from img2imgkit.files import blocks, encoded, sha256
from img2imgkit.item import local_path
from img2imgkit.locks import in_use, try_lock, write_owner
from img2imgkit.pipeline.anchored import Anchor, RefusedError, identity
from img2imgkit.pipeline.own_files import (
    LOCK,
    STATE,
    UNFINISHED,
    prove_free,
    prove_free_above,
    prove_own_files,
    refusal,
    reserved,
)
from img2imgkit.step import Sink

MOVED = "was moved, removed or replaced while this run was writing to it"


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
            found = path.lstat()
            if found.st_size != self.size or not stat.S_ISREG(found.st_mode):
                return False
            return found.st_mtime_ns == self.mtime_ns or sha256(path) == self.sha256
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
        self._held = ExitStack()
        self._lock = -1
        self._changed: set[PurePosixPath] = set()
        self._alone: set[PurePosixPath] = set()
        self._own: frozenset[tuple[int, int]] = frozenset()

    def __enter__(self) -> OutputFolder:
        with ExitStack() as opened, self._access_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
            prove_own_files(self.folder)
            self._root = opened.enter_context(Anchor(self.folder))
            state = opened.enter_context(self._root.below([STATE], create=True))
            self._lock = state.open(LOCK, os.O_RDWR | os.O_CREAT)
            opened.callback(os.close, self._lock)
            self._acquire()
            state.remove_tree(UNFINISHED)
            self._unfinished = opened.enter_context(state.below([UNFINISHED], create=True))
            self._held = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._changed:
            with suppress(OSError), self._root.below(folder.parts) as changed:
                changed.sync()
        with suppress(OSError):  # left behind by workers that died
            for name in self._unfinished.names():
                with suppress(OSError):
                    self._unfinished.remove(name)
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
        self._held.close()

    def identity(self) -> tuple[int, int]:
        """Return what identifies the lock that is held."""
        return identity(os.fstat(self._lock))

    def prove_alone(self, own: Collection[tuple[int, int]]) -> None:
        """Check that no other run holds a folder that this one is in.

        Folders below this one are checked before the first file is placed in them.

        Args:
            own: the identities of all locks of this run

        Raises:
            LockError: another run holds one.
        """
        self._own = frozenset(own)
        prove_free_above(self.folder, self._own)

    def prove_held(self) -> None:
        """Raises LockError: the folder's path leads to another folder than the one that was locked, or to none."""
        with suppress(OSError):
            if identity((self.state / LOCK).lstat()) == self.identity():
                return
        raise LockError(f"{self.folder}: {MOVED}; what it wrote is in the folder that it locked: run again")

    def place(self, staged: StagedFile, target: PurePosixPath, record: Callable[[PlacedFile], None]) -> PlacedFile:
        """Move a staged file into place: ``record`` it, then rename it. An existing file is replaced atomically.

        It is recorded before the rename, so that a kill between the two leaves either a file that the ledger knows, or
        an entry whose file is missing and is remade. The rename itself is synced when the folder is unlocked.

        Raises:
            EncodeError: the file cannot be written (no space, no permission, a folder or link of that name, ...).
            LockError: the folder is no longer the one that was locked, or another run holds a folder below it.
        """
        if problem := reserved(target):
            raise EncodeError(f"{self.folder / target}: {problem}")
        self.prove_held()
        with _encode_errors(self.folder / target), self._below(target.parent) as parent:
            written = PlacedFile(str(target), staged.size, staged.mtime_ns, staged.sha256)
            record(written)
            parent.take(self._unfinished, Path(staged.path).name, target.name)
            self._changed.add(target.parent)
        return written

    def remove(self, target: PurePosixPath) -> None:
        """Remove an output.

        Raises:
            OSError: it cannot be removed, or a link leads to it.
            LockError: the folder is no longer the one that was locked, or another run holds a folder below it.
        """
        self.prove_held()
        with self._below(target.parent) as parent:
            parent.remove(target.name)
            self._changed.add(target.parent)

    @contextmanager
    def _access_errors(self) -> Iterator[None]:
        """Turn errors of the file system into a PlanError that names the folder."""
        try:
            yield
        except RefusedError as error:
            raise refusal(error) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PlanError(f"{self.folder}: cannot write to this folder: {reason}; choose another one") from error

    def _acquire(self) -> None:
        """Raises LockError: another run holds the lock."""
        if not try_lock(self._lock):
            raise in_use(self.folder, "another run", self._lock)
        write_owner(self._lock)

    @contextmanager
    def _below(self, folder: PurePosixPath) -> Iterator[Anchor]:
        """Open a folder below this one, creating it, and check once that no other run holds it or one on the way."""
        with ExitStack() as opened:
            here = opened.enter_context(self._root.below([]))
            for depth, name in enumerate(folder.parts, 1):
                here = opened.enter_context(here.below([name], create=True))
                part = PurePosixPath(*folder.parts[:depth])
                if part not in self._alone:
                    prove_free(here, f"{self.folder} contains {part}, and", self._own)
                    self._alone.add(part)  # a run that starts there later finds this one's lock
            yield here


def stage(folder: Path, target: PurePosixPath, data: bytes | IO[bytes], modified: int | None = None) -> StagedFile:
    """Write and sync an unfinished file in a locked output folder, for ``OutputFolder.place`` to move into place.

    Args:
        data: its content, or a file that is copied and closed
        modified: its modification time, in nanoseconds since 1970; None: now

    Its name is unique: a worker that was presumed dead cannot write into its successor's file.

    Raises:
        EncodeError: the file cannot be written.
    """
    with _encode_errors(folder / target), _unfinished(folder) as unfinished:
        return _written(unfinished, data, modified)


def unstage(staged: StagedFile) -> None:
    """Remove a staged file that was not placed, if it still exists."""
    with suppress(OSError):
        os.unlink(staged.path)  # noqa: PTH108


def write_own_file(folder: Path, target: PurePosixPath, content: bytes | str, sync: bool = True) -> None:
    """Replace one of the tool's own files in a locked output folder atomically.

    Args:
        target: its path below the folder
        sync: whether it must survive a power cut

    Raises:
        OSError: it cannot be written, or a link leads to it.
    """
    with (
        Anchor(folder) as root,
        _unfinished(folder) as unfinished,
        root.below(target.parent.parts, create=True) as parent,
    ):
        staged = _written(unfinished, encoded(content), sync=sync)
        parent.take(unfinished, Path(staged.path).name, target.name)


@contextmanager
def _unfinished(folder: Path) -> Iterator[Anchor]:
    with Anchor(folder) as root, root.below([STATE, UNFINISHED]) as unfinished:
        yield unfinished


def _written(unfinished: Anchor, data: bytes | IO[bytes], modified: int | None = None, sync: bool = True) -> StagedFile:
    name, digest = uuid.uuid4().hex, hashlib.sha256()
    try:
        with os.fdopen(unfinished.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as handle:
            for block in blocks(data):
                handle.write(block)
                digest.update(block)
            handle.flush()
            if modified is not None:
                place = handle.fileno() if os.utime in os.supports_fd else unfinished.path / name
                os.utime(place, ns=(modified, modified))
            if sync:
                os.fsync(handle.fileno())
            found = os.fstat(handle.fileno())
    except OSError:
        with suppress(OSError):
            unfinished.remove(name)
        raise
    path = str(unfinished.path / name)
    return StagedFile(path, found.st_size, found.st_mtime_ns, digest.hexdigest())


@contextmanager
def _encode_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system into an EncodeError that names the output."""
    try:
        yield
    except RefusedError as error:
        raise EncodeError(f"{path}: cannot write it: {error.filename} {error.strerror}") from error
    except (OSError, ValueError) as error:  # ValueError: an impossible file name
        reason = getattr(error, "strerror", None) or error
        raise EncodeError(f"{path}: cannot write it: {reason}") from error
