"""Bound the work of decoding a file by what its headers state, before any decoder sees it.

The headers of JPEG, WebP, BMP, PNG files of up to 2 MiB and simple TIFF files bound time and memory by a size and by
numbers of scans, chunks or directories. Files that state an absurd number are refused. The work of all other files is
known only by doing it, so they are decoded under limits of time and memory (``decoder_pool``).
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images import jpeg_segments
from img2imgkit.images.jpeg_segments import Segment
from img2imgkit.images.png_chunks import SIGNATURE

MAX_SCANS, MAX_USUAL_SCANS = 256, 32  # encoders write about 10
MAX_SEGMENTS = 1024  # of a JPEG before its pixels; 64 MB of metadata
MAX_JUNK = 1 << 16  # bytes between two segments of a JPEG
MAX_CHUNKS = 500_000  # 4 GB of pixels in chunks of 8 KB, as libpng writes them
MAX_PIXEL_BYTES = 2 << 20  # of a PNG; libpng also unpacks what follows the last row, a thousand times as much
MAX_PAGES = 10_000
MAX_NUMBERS = 100_000  # of one TIFF tag, such as the offsets of its tiles
_TIFF_STARTS = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
_BOUNDED_COMPRESSIONS = frozenset({1, 5, 8, 32773, 32946})  # none, LZW, Deflate, PackBits: stop at the size of a strip
_COMPRESSION, _SUB_DIRECTORIES = 259, 330
_BYTES, _SHORT = (1, 2, 6, 7), 3  # types of tags
_SEQUENTIAL = (0xC0, 0xC1, 0xC9)
_BLOCK = 1 << 20


def check(file: BinaryIO) -> bool:
    """Return whether the headers of a file bound the work of decoding it. The position in the file changes.

    Raises:
        DecodeError: a number in it is absurd, such as 20,000 scans.
    """
    file.seek(0)
    start = file.read(34)
    if start.startswith(SIGNATURE):
        return _check_chunks(file)
    if start.startswith(b"\xff\xd8\xff"):
        return _check_jpeg(file)
    if start[:4] in _TIFF_STARTS:
        return _check_tiff(file, *_TIFF_STARTS[start[:4]])
    if start.startswith(b"BM"):
        return start[30:34] in (b"\0\0\0\0", b"\3\0\0\0")  # neither is run-length encoded
    return start.startswith(b"RIFF") and start[8:12] == b"WEBP"


def _check_chunks(file: BinaryIO) -> bool:
    file.seek(len(SIGNATURE))
    pixels = 0
    for _ in range(MAX_CHUNKS):
        start = file.read(8)
        if len(start) < 8 or start[4:] == b"IEND":
            return pixels <= MAX_PIXEL_BYTES
        length = int.from_bytes(start[:4], "big")
        pixels += length if start[4:] == b"IDAT" else 0
        file.seek(length + 4, 1)
    raise DecodeError(f"has more than {MAX_CHUNKS:,} PNG chunks, which no encoder writes")


def _check_jpeg(file: BinaryIO) -> bool:
    following = jpeg_segments.segments(file)
    first = _first_scan(following)
    if first is None or first.is_only:
        return True
    scans = _upper_count(file, first.at)
    if scans > MAX_USUAL_SCANS:
        later = (True for segment in following if segment.code == jpeg_segments.SOS)
        scans = 1 + sum(islice(later, MAX_SCANS))
    if scans > MAX_SCANS:
        raise DecodeError(f"has more than {MAX_SCANS} scans, each of which costs a pass over the whole picture")
    return scans <= MAX_USUAL_SCANS


class _Scan(NamedTuple):
    at: int
    is_only: bool  # a sequential scan of all components: libjpeg reads no other one


def _first_scan(following: Iterator[Segment]) -> _Scan | None:
    """Find the first scan; None if the file ends before, which decoding reports."""
    frames, end = list[tuple[int, bytes]](), 2
    for count, segment in enumerate(following):
        if count == MAX_SEGMENTS:
            raise DecodeError(f"has more than {MAX_SEGMENTS:,} segments before its pixels, which no encoder writes")
        if segment.start - end > MAX_JUNK:
            raise DecodeError("is damaged: a segment of the JPEG is followed by something else")
        end = segment.end
        if segment.code == jpeg_segments.SOS:
            return _Scan(segment.start, any(frames == [(kind, segment.payload[:1])] for kind in _SEQUENTIAL))
        if segment.code in jpeg_segments.FRAMES:
            frames.append((segment.code, segment.payload[5:6]))
    return None


def _upper_count(file: BinaryIO, at: int) -> int:
    """Count what may be the start of a scan; metadata between scans may contain the same bytes. Fast."""
    file.seek(at)
    count, last = 0, b""
    while block := file.read(_BLOCK):
        count += _occurrences(block) + (last == b"\xff" and block[0] == jpeg_segments.SOS)
        last = block[-1:]
    return count


def _occurrences(block: bytes) -> int:
    """Count FF DA in a block, ten times as fast as ``bytes.count``."""
    wanted = int.from_bytes(b"\xff\xda", sys.byteorder)
    pairs = (np.frombuffer(block, np.uint16, (len(block) - start) // 2, start) for start in (0, 1))
    return sum(int(np.count_nonzero(each == wanted)) for each in pairs)


class _Directory(NamedTuple):
    bounded: bool
    nested: list[int]
    next: int


def _check_tiff(file: BinaryIO, order: str, big: bool) -> bool:
    file.seek(8 if big else 4)
    starts = [*_numbers(file.read(8 if big else 4), order + ("Q" if big else "I"))]
    seen: set[int] = set()
    bounded, listed = True, 0
    while starts:
        at, chain = starts.pop(), set[int]()
        while at and (at in chain or at not in seen):  # directories in a list may be linked to each other as well
            if at in chain:
                raise DecodeError("is damaged: its TIFF directories form a circle")
            chain.add(at)
            seen.add(at)
            directory = _directory(file, at, order, big)
            if directory is not None:
                bounded &= directory.bounded
                starts += directory.nested
                listed += len(directory.nested)
            if max(len(seen), listed) > MAX_PAGES:
                raise DecodeError(f"has more than {MAX_PAGES:,} TIFF directories")
            at = 0 if directory is None else directory.next
    return bounded


def _directory(file: BinaryIO, at: int, order: str, big: bool) -> _Directory | None:
    """Read what matters of a directory; None if it is outside the file, which decoding reports."""
    size = os.fstat(file.fileno()).st_size
    if at >= size:
        return None
    file.seek(at)
    number = next(_numbers(file.read(8 if big else 2), order + ("Q" if big else "H")), 0)
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    data = file.read(min(number, MAX_NUMBERS) * entry.size)
    after = next(_numbers(file.read(8 if big else 4), order + ("Q" if big else "I")), 0)
    bounded, nested = number <= MAX_NUMBERS, list[int]()
    for tag, kind, count, value in entry.iter_unpack(data[: len(data) // entry.size * entry.size]):
        bounded &= count <= (size if kind in _BYTES else MAX_NUMBERS)
        if tag == _COMPRESSION and count == 1:
            bounded &= next(_numbers(value, order + ("H" if kind == _SHORT else "I"))) in _BOUNDED_COMPRESSIONS
        elif tag == _SUB_DIRECTORIES and kind != _SHORT:
            nested += _offsets(file, value, count, order + ("Q" if kind in (16, 18) else "I"), big)
    return _Directory(bounded, nested, after)


def _offsets(file: BinaryIO, value: bytes, count: int, form: str, big: bool) -> list[int]:
    size = struct.calcsize(form) * min(count, MAX_PAGES + 1)
    if size > len(value):
        file.seek(next(_numbers(value, form[0] + ("Q" if big else "I"))))
        value = file.read(size)
    return list(_numbers(value[:size], form))


def _numbers(data: bytes, form: str) -> Iterator[int]:
    size = struct.calcsize(form)
    return (int(number) for (number,) in struct.iter_unpack(form, data[: len(data) // size * size]))
