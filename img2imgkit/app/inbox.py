"""Pictures that were dropped on the page: kept in the user's data folder until their batch or the user removes them."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath

from img2imgkit.app.roots import shown
from img2imgkit.errors import RequestError
from img2imgkit.images import is_hidden, is_image

QUOTA = 2 << 30  # bytes of all uploads
RESERVE = 1 << 30  # bytes of the disk that uploads leave free
MAX_DEPTH, MAX_NAME, MAX_FILES = 16, 240, 20_000
_ID = re.compile(r"[0-9a-f]{16}")
_UNFINISHED = ".part"


class Inbox:
    """The folder of uploads: one folder for each drop.

    Args:
        quota: bytes of all uploads together
        reserve: bytes of the disk that stay free
    """

    def __init__(self, folder: Path, quota: int = QUOTA, reserve: int = RESERVE) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder, self.quota = folder.resolve(), quota
        self._reserve = reserve
        self._lock = threading.Lock()
        self._promised = 0  # bytes of uploads in progress
        self._used = _size(self.folder)

    @property
    def free(self) -> int:
        """Bytes that can still be uploaded."""
        disk = shutil.disk_usage(self.folder).free - self._reserve
        return max(0, min(self.quota - self._used, disk) - self._promised)

    def open(self, size: int, count: int) -> str:
        """A new folder for a drop of that many bytes and files.

        Raises:
            RequestError: they would not fit.
        """
        if size > self.free:
            raise RequestError(
                f"{size / 1e9:.1f} GB are more than the {self.free / 1e9:.1f} GB that can be uploaded: "
                "open the folder instead",
                413,
            )
        if count > MAX_FILES:
            raise RequestError(f"{count:,} files are more than {MAX_FILES:,}: open the folder instead", 413)
        id = secrets.token_hex(8)
        (self.folder / id).mkdir(mode=0o700)
        return id

    async def put(self, id: str, name: str, size: int, content: AsyncIterator[bytes]) -> None:
        """Write one file, whole or not at all.

        Args:
            name: its path in what was dropped
            size: its bytes, as stated

        Raises:
            RequestError: there is no such folder, the name is not one of a picture, or it is larger than stated or
                than what is left.
        """
        target = self._folder_of(id) / _safe(name)
        with self._lock:
            if size > self.free:
                raise RequestError("no more can be uploaded: remove batches, or open the folder instead", 413)
            self._promised += size
        fresh = target.with_name(f".{secrets.token_hex(8)}{_UNFINISHED}")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await _write(fresh, size, content)
            os.replace(fresh, target)  # noqa: PTH105
            self._used += size
        finally:
            self._promised -= size
            with suppress(OSError):
                fresh.unlink()

    def remove(self, id: str) -> None:
        """Remove the uploads of a drop. Raises RequestError: there are none of that name."""
        shutil.rmtree(self._folder_of(id))
        self._used = _size(self.folder)

    def keep_only(self, ids: Collection[str]) -> None:
        """Remove the uploads of all other drops, such as those of an earlier server that no batch reads."""
        for folder in list(self.folder.iterdir()):
            if folder.name not in ids and folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder)
        self._used = _size(self.folder)

    def _folder_of(self, id: str) -> Path:
        folder = self.folder / id
        if not _ID.fullmatch(id) or folder.is_symlink() or not folder.is_dir():
            raise RequestError("there is no such upload", 404)
        return folder


async def _write(path: Path, size: int, content: AsyncIterator[bytes]) -> None:
    written = 0
    with path.open("xb") as file:
        async for part in content:
            written += len(part)
            if written > size:
                raise RequestError("the file is larger than stated", 413)
            file.write(part)
    if written < size:
        raise RequestError("the file is not complete", 400)


def _safe(name: str) -> Path:
    """A path inside a folder, of plain names, that is one of a picture. Raises RequestError: it is none."""
    parts = PurePosixPath(name).parts
    plain = 0 < len(parts) <= MAX_DEPTH and not name.startswith("/")
    if not plain or any(_is_odd(part) for part in parts) or name.endswith("/"):
        raise RequestError(f"{shown(name)[:200]!r} is not a name that can be uploaded", 400)
    if is_hidden(parts[-1]) or not is_image(parts[-1]):
        raise RequestError(f"{shown(name)[:200]!r} is not a picture", 415)
    return Path(*parts)


def _is_odd(part: str) -> bool:
    reserved = part in (".", "..") or len(part.encode("utf-8", "surrogatepass")) > MAX_NAME
    return reserved or bool(re.search(r"[\x00-\x1f\x7f\\:\ud800-\udfff]", part)) or part.endswith(_UNFINISHED)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
