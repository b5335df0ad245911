"""Decode a picture file of any format: upright pixels at full depth, and its metadata."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from img2imgkit.errors import DecodeError
from img2imgkit.images import decoders
from img2imgkit.images.picture import Picture
from img2imgkit.images.pillow_warnings import captured_warnings

DEFAULT_MAX_PIXELS = 178_956_970  # Pillow's own limit for decompression bombs


def decode(path: Path, *, max_pixels: int | None = DEFAULT_MAX_PIXELS, salvage: bool = False) -> Picture:
    """Decode a picture. Its format is determined by its content.

    A file is damaged if pixels are missing or were invented by the decoder. With ``salvage`` it is read with a note;
    those pixels have any value. A file that only lacks its end marker is read in any case, with a note.

    Raises:
        DecodeError: the file cannot be read, is not a picture, is damaged, or is larger than ``max_pixels``.
        DamagedError: it is damaged, and ``salvage`` would read it.
    """
    with _reasons(path), _opened(path) as file, captured_warnings() as warned:
        picture = decoders.read(file, decoders.Wanted(max_pixels, salvage))
    return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, *warned))))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; opening a pipe would block forever."""
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise DecodeError("is a folder")
    if not stat.S_ISREG(state.st_mode):
        raise DecodeError("is not a regular file")
    with path.open("rb") as file:
        yield file


@contextlib.contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn any exception into a DecodeError of one line that names the file: decoders may raise anything."""
    try:
        yield
    except DecodeError as error:
        raise type(error)(f"{shown(path)}: {error}") from error.__cause__
    except MemoryError as error:
        raise DecodeError(f"{shown(path)}: not enough memory to decode it") from error
    except Exception as error:
        raise DecodeError(f"{shown(path)}: {decoders.reason_of(error)}") from error


def shown(path: Path) -> str:
    """Return a path as one line that any terminal can print."""
    printable = str(path).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in printable)
