"""Outputs as a zip file that is streamed: it is never on disk, and any number of files fits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from img2imgkit.files import open_regular

CHUNK = 1 << 18


class _Buffer(io.RawIOBase):
    """What a zip file is written into, and taken out of piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The bytes of a zip file of files under these names. Pictures are compressed already, so they are stored.

    Raises:
        OSError: a file cannot be read; the zip file ends there and is recognisably incomplete.
    """
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with open_regular(path) as source, archive.open(entry, "w", force_zip64=True) as target:
                while part := source.read(CHUNK):
                    target.write(part)
                    yield buffer.take()
            yield buffer.take()
    yield buffer.take()
