"""Arrays of large pictures, in unnamed temporary files that are mapped into memory.

The system moves their pages to the disk and back as it needs memory, so a picture may be larger than memory. Whoever
works through such an array band by band calls ``release_pixels`` after each one. The system deletes the files when the
arrays are gone, or when the process ends.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from typing import IO, Any

import numpy as np

LARGE = 256 << 20  # bytes of pixels; larger arrays are in files
_BLOCK = 1 << 20


class NoRoom(MemoryError):
    """The temporary folder has no room for a large picture."""


def is_large(size: int) -> bool:
    """Whether pixels of so many bytes are kept in a file."""
    return size > LARGE


def empty_pixels(shape: tuple[int, ...], dtype: np.dtype | type[np.generic]) -> np.ndarray:
    """Return a writable array, in a file if it is large.

    Raises:
        NoRoom: the temporary folder is full.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not is_large(size):
        return np.empty(shape, dtype)
    file = temporary_file()
    try:
        with file:
            _reserve(file, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise _no_room(size, error) from error
    return np.frombuffer(pages, dtype).reshape(shape)


def temporary_file() -> IO[bytes]:
    """Return an unnamed file in the temporary folder. Raises NoRoom if none can be created."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _no_room(0, error) from error


def contiguous(array: np.ndarray) -> np.ndarray:
    """Return the array itself if its elements are in order, otherwise a copy, in a file if it is large."""
    if array.flags.c_contiguous or not is_large(array.nbytes):
        return np.ascontiguousarray(array)
    made = empty_pixels(array.shape, array.dtype)
    step = max(1, LARGE // 8 // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        made[start : start + step] = array[start : start + step]
        release_pixels(made, array)
    return made


def release_pixels(*arrays: np.ndarray) -> None:
    """Let the pages of arrays in files leave the memory of this process; the content stays. Others are unchanged."""
    for array in arrays:
        pages = _pages(array)
        if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def is_in_file(array: np.ndarray) -> bool:
    """Whether an array is in a file."""
    return _pages(array) is not None


def _pages(array: np.ndarray) -> mmap.mmap | None:
    found: Any = array
    while isinstance(found, np.ndarray):
        found = found.base
    found = found.obj if isinstance(found, memoryview) else found
    return found if isinstance(found, mmap.mmap) else None


def _reserve(file: IO[bytes], size: int) -> None:
    """Allocate the file's blocks: on a full disk, writing to a mapped file that lacks them would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(_BLOCK)
    for start in range(0, size, _BLOCK):
        file.write(zeros[: size - start])
    file.flush()


def _no_room(size: int, error: OSError) -> NoRoom:
    reason = os.strerror(error.errno) if error.errno else str(error)
    needed = f" for {size:,} bytes" if error.errno == errno.ENOSPC else ""
    return NoRoom(
        f"a picture of this size is kept in the temporary folder {tempfile.gettempdir()}, which has no room{needed}: "
        f"{reason}; set TMPDIR to another folder"
    )
