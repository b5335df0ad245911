"""Files that are whole at every moment: a reader, and whoever comes after a crash, sees the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, unfinished: Path | None = None) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of ``path`` when the body ends; if it raises, nothing has happened.

    Args:
        unfinished: its name until then, on the same file system; ``.NAME.new`` beside ``path`` when None

    Raises:
        OSError: the system refuses; what was at ``path`` is still there.
    """
    fresh = unfinished or path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()


def write_whole(path: Path, content: bytes | str, unfinished: Path | None = None) -> None:
    """Replace a file at once. Text is written as UTF-8; what of a file's name is no UTF-8 is written as an escape."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    with replacing(path, unfinished) as handle:
        handle.write(data)
