"""The chunks of WebP files (RFC 9649), read from anywhere in a file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_CHUNKS = 32  # before the pixels of the first frame; there are at most 5 of known kinds
_HEAD = 12  # RIFF, the size of what follows, WEBP
_FRAME_HEAD = 16  # of an ANMF chunk, before the chunks inside
_SIZE_MAX = 1 << 62


class Chunk(NamedTuple):
    """A chunk: its name, and where its content is in the file."""

    name: bytes
    start: int
    end: int


def chunks(file: BinaryIO, start: int = _HEAD, stop: int = _SIZE_MAX) -> Iterator[Chunk]:
    """Yield the first ``MAX_CHUNKS`` chunks in a range of the file. The position in the file may change in between."""
    for _ in range(MAX_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8 or start + 8 > stop:
            return
        name, length = struct.unpack("<4sI", head)
        yield Chunk(name, start + 8, start + 8 + length)
        start += 8 + length + length % 2


def first_frame(file: BinaryIO) -> tuple[Chunk, ...]:
    """Return the chunks of the first frame: ``VP8L``, or ``VP8 `` after ``ALPH`` if it has alpha."""
    found: list[Chunk] = []
    inside = chunks(file)
    for chunk in inside:
        frame = chunks(file, chunk.start + _FRAME_HEAD, chunk.end) if chunk.name == b"ANMF" else (chunk,)
        found += (each for each in frame if each.name in (b"ALPH", b"VP8 ", b"VP8L"))
        if any(each.name != b"ALPH" for each in found):
            break
    return tuple(found)


def stated_end(file: BinaryIO) -> int:
    """Return the offset at which the file ends by its header."""
    file.seek(4)
    length = int.from_bytes(file.read(4), "little")
    return 8 + length + length % 2
