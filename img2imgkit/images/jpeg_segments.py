"""The segments of a JPEG stream (ITU-T T.81, annex B), read from anywhere in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from img2imgkit.errors import DecodeError

MAX_SEGMENTS = 10_000  # files with hundreds of scans or megabytes of metadata have fewer
SOI, EOI, SOS, DHT, DQT, APP0, APP1, APP14 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xE0, 0xE1, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}  # the markers that state a size
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_TEM = 0x01
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # neither stuffed bytes nor restart markers
_FIRST_BLOCK, _GROWTH, _MAX_BLOCK = 64, 32, 1 << 20  # most markers follow at once, others after coded data


class Segment(NamedTuple):
    """A marker and its payload, which the two bytes of its length precede; ``end`` is the offset after it."""

    code: int
    payload: bytes
    start: int
    end: int


def segments(file: BinaryIO, start: int = 0) -> Iterator[Segment]:
    """Yield the segments of the stream at ``start`` up to the end marker, or to the end of the file if it has none.

    Coded data and bytes that belong to no segment are skipped. The position in the file may change in between.

    Raises:
        DecodeError: there are more than ``MAX_SEGMENTS``.
    """
    at = start + 2
    for _ in range(MAX_SEGMENTS):
        found = marker_after(file, at)
        if found is None:
            return
        code, begin, at = found
        if code == EOI:
            yield Segment(code, b"", begin, at)
            return
        if code in (_TEM, SOI):
            continue
        file.seek(at)
        length = max(int.from_bytes(file.read(2), "big"), 2)
        yield Segment(code, file.read(length - 2), begin, at + length)
        at += length
    raise DecodeError(f"has more than {MAX_SEGMENTS:,} segments, which no encoder writes")


def marker_after(file: BinaryIO, at: int) -> tuple[int, int, int] | None:
    """Return code, start and end of the first marker at or after an offset; None if there is none."""
    length = _FIRST_BLOCK
    while True:
        file.seek(at)
        block = file.read(length)
        if found := _MARKER.search(block):
            return found[1][0], at + found.start(), at + found.end()
        if len(block) < length:
            return None
        at += length - block.endswith(b"\xff")
        length = min(length * _GROWTH, _MAX_BLOCK)


def size(segment: Segment) -> tuple[int, int]:
    """Return the width and height that a frame states (B.2.2); a height of 0 is stated after the first scan."""
    return int.from_bytes(segment.payload[3:5], "big"), int.from_bytes(segment.payload[1:3], "big")
