"""The inside of a folder, reached without following a link, whatever else changes the folder meanwhile.

A folder is held open, and names inside it are looked up from there: it stays the same folder when it is renamed, and a
link that appears below it is an error. Where the system cannot do that (Windows), paths are used, and links are looked
for before each access.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FILE = _NO_LINK | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
DESCRIPTORS = bool(_NO_LINK) and {os.open, os.stat, os.mkdir, os.unlink, os.rename} <= os.supports_dir_fd


class RefusedError(OSError):
    """A link, or a file of a kind that does not belong there; ``strerror`` is the reason in words."""


class Anchor:
    """An open folder. A context manager, which closes it."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        """Open a folder, which may itself be reached through links; or take one that is already open.

        Raises:
            OSError: there is no such folder, or it cannot be accessed.
        """
        self.path = path
        if descriptor is None and DESCRIPTORS:
            descriptor = os.open(path, _FOLDER)
        elif descriptor is None and not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._descriptor = descriptor

    def __enter__(self) -> Anchor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def below(self, names: Iterable[str], create: bool = False) -> Anchor:
        """Open a folder below this one, by the names of the folders that lead to it.

        Raises:
            RefusedError: one of them is a link, or not a folder.
            FileNotFoundError: one of them does not exist, and ``create`` is False.
            OSError: one of them cannot be created or accessed.
        """
        here = Anchor(self.path, None if self._descriptor is None else os.dup(self._descriptor))
        for name in names:
            with here:
                here = here._folder(name, create)
        return here

    def open(self, name: str, flags: int) -> int:
        """Open a file in this folder and return its descriptor; new ones get the usual permissions.

        Raises:
            RefusedError: it is a link, is not a regular file, or has further names (hard links).
            OSError: it cannot be opened.
        """
        with suppress(FileNotFoundError):  # before it is opened, which has effects on some devices
            _prove(self.status(name), self.path / name)
        try:
            handle = os.open(self._name(name), flags | _FILE, 0o666, dir_fd=self._descriptor)
        except OSError as error:
            raise _described(error, self.path / name) from None
        try:
            _prove(os.fstat(handle), self.path / name)
        except OSError:
            os.close(handle)
            raise
        return handle

    def prove(self, name: str) -> None:
        """Check a file in this folder, if it exists. Raises RefusedError: see ``open``."""
        with suppress(FileNotFoundError):
            _prove(self.status(name), self.path / name)

    def status(self, name: str) -> os.stat_result:
        """Return the status of a file or folder in this folder, or of the link."""
        return os.stat(self._name(name), dir_fd=self._descriptor, follow_symlinks=False)

    def names(self) -> list[str]:
        """Return the names of everything in this folder."""
        return os.listdir(self.path if self._descriptor is None else self._descriptor)  # noqa: PTH208

    def take(self, folder: Anchor, name: str, new_name: str) -> None:
        """Move a file of another folder here, over an existing file. A link of that name is replaced, not followed."""
        os.replace(
            folder._name(name),
            self._name(new_name),
            src_dir_fd=folder._descriptor,
            dst_dir_fd=self._descriptor,
        )

    def remove(self, name: str) -> None:
        """Remove a file or a link in this folder."""
        os.unlink(self._name(name), dir_fd=self._descriptor)

    def remove_tree(self, name: str) -> None:
        """Remove a folder in this folder with its content, as far as possible; links in it are not followed."""
        if shutil.rmtree.avoids_symlink_attacks and self._descriptor is not None:
            shutil.rmtree(name, ignore_errors=True, dir_fd=self._descriptor)
        else:
            shutil.rmtree(self.path / name, ignore_errors=True)

    def sync(self) -> None:
        """Sync the folder's names to disk, where the system can."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _name(self, name: str) -> str:
        return str(self.path / name) if self._descriptor is None else name

    def _folder(self, name: str, create: bool) -> Anchor:
        if name in ("", ".", "..") or "/" in name or os.sep in name:
            raise RefusedError(errno.EINVAL, f"{name!r} is not the name of a folder", str(self.path / name))
        try:
            return self._existing(name)
        except FileNotFoundError:
            if not create:
                raise
        with suppress(FileExistsError):
            os.mkdir(self._name(name), dir_fd=self._descriptor)
        return self._existing(name)

    def _existing(self, name: str) -> Anchor:
        path = self.path / name
        found = self.status(name)
        if is_link(found):
            raise _link(path)
        if not stat.S_ISDIR(found.st_mode):
            raise RefusedError(errno.ENOTDIR, "is not a folder", str(path))
        if self._descriptor is None:
            return Anchor(path)
        try:
            return Anchor(path, os.open(name, _FOLDER | _NO_LINK, dir_fd=self._descriptor))
        except OSError as error:
            raise _described(error, path) from None


def is_link(found: os.stat_result) -> bool:
    """Whether a status, taken without following links, is that of a symbolic link or a junction of Windows."""
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == junction


def identity(found: os.stat_result) -> tuple[int, int]:
    """Return what identifies a file or folder, whatever its name."""
    return found.st_dev, found.st_ino


def _prove(found: os.stat_result, path: Path) -> None:
    if is_link(found):
        raise _link(path)
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError(errno.EINVAL, "is not a regular file", str(path))
    if found.st_nlink > 1:
        raise RefusedError(errno.EMLINK, "is a hard link: the same file has other names", str(path))


def _described(error: OSError, path: Path) -> OSError:
    """Return the error with a path, and in words if the reason is a link that has just appeared."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return _link(path)
    return OSError(error.errno, error.strerror, str(path))


def _link(path: Path) -> RefusedError:
    return RefusedError(errno.ELOOP, "is a link, and links inside an output folder are not followed", str(path))
