"""Damage that decoders do not notice: zeros in coded data, as failing disks and broken transfers leave them.

Coded data are nearly random: a long run of zeros in them is damage, unless a codec writes flat areas as zeros.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from img2imgkit.images import heif_boxes

ZERO_RUN = 64
MAX_MISSING = 256 << 20
_ZEROS = re.compile(rb"\0{%d,}" % ZERO_RUN)
_JP2_MARGIN = 384  # arithmetic coding of regular patterns has runs of up to 251 zeros
_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
_WEBP_CHUNKS = 32  # before the pixels of the first frame; there are at most 5 of known kinds
_WEBP_TAILS = {b"VP8L": 2}  # bytes at the end of coded data, more than a coder's padding
_WEBP_TAIL = 6
_MASKS = (0xFF, 0x55, 0xAA)  # one alone may change only what is clipped

Place = tuple[int, int]


def silent(file: BinaryIO, format: str) -> str:
    """Return what is damaged in the coded data of a file that was decoded without an error, or ""."""
    checks: dict[str, Callable[[bytes, BinaryIO], str]] = {
        "AVIF": _heif,
        "HEIF": _heif,
        "WEBP": _webp,
        "JPEG2000": _jp2,
    }
    check = checks.get(format)
    if check is None:
        return ""
    file.seek(0)
    return check(file.read(), file)


def padded(file: BinaryIO) -> io.BytesIO | None:
    """Return a truncated WebP or AVIF file with zeros up to the length that it states; None if nothing is missing."""
    file.seek(0)
    data = file.read()
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        stated = 8 + int.from_bytes(data[4:8], "little")
    elif data[4:8] == b"ftyp":
        stated = max((sum(place) for place in heif_boxes.describe(file).extents), default=0)
    else:
        return None
    return io.BytesIO(data.ljust(stated, b"\0")) if len(data) < stated <= len(data) + MAX_MISSING else None


def _longest(data: bytes, places: Iterator[Place] | tuple[Place, ...]) -> int:
    longest = 0
    for start, length in places:
        first = data.find(bytes(ZERO_RUN), start, start + length)  # much faster than the expression
        runs = _ZEROS.finditer(data, first, start + length) if first >= 0 else ()
        longest = max((longest, *(len(run[0]) for run in runs)))
    return longest


def _said(zeros: int) -> str:
    return f"{zeros} bytes of its coded data are zeros" if zeros else ""


def _heif(data: bytes, file: BinaryIO) -> str:
    """AV1 adapts its probabilities, and HEVC avoids three zeros in a row: neither writes such a run."""
    return _said(_longest(data, heif_boxes.describe(file).extents))


def _webp(data: bytes, file: BinaryIO) -> str:
    """Both codecs of WebP can write flat areas as zeros. After zeros that are damage, they do not read to the end."""
    chunks = list(_webp_chunks(data))
    zeros = _longest(data, tuple(chunks))
    if not zeros or _is_plain(data):
        return ""
    return _said(zeros) if any(_is_unread(data, *end) for end in _webp_ends(data, chunks)) else ""


def _webp_chunks(data: bytes) -> Iterator[Place]:
    """Yield alpha and pixels of the first frame."""
    at = 12
    for _ in range(_WEBP_CHUNKS):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in _WEBP_PIXELS:
            yield at + 8, size
            if kind != b"ALPH":
                return
        at += 8 + size + size % 2


def _webp_ends(data: bytes, chunks: list[Place]) -> Iterator[Place]:
    """Yield end and tail of coded data: of each chunk, and of a lossy frame's first partition (RFC 6386, 9.1)."""
    for start, size in chunks:
        kind = data[start - 8 : start - 4]
        yield start + size, _WEBP_TAILS.get(kind, _WEBP_TAIL)
        if kind == b"VP8 ":
            yield start + 10 + (int.from_bytes(data[start : start + 3], "little") >> 5), _WEBP_TAIL


def _is_unread(data: bytes, end: int, tail: int) -> bool:
    """Whether the picture stays the same when the last bytes before ``end`` change."""
    changed = (bytes(byte ^ mask for byte in data[end - tail : end]) for mask in _MASKS)
    return all(_same_picture(data, data[: end - tail] + other + data[end:]) for other in changed)


def _is_plain(data: bytes) -> bool:
    """Whether the picture has one colour only, as no damage leaves it."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return bool((pixels == pixels[:1, :1]).all())


def _same_picture(data: bytes, other: bytes) -> bool:
    try:
        first, second = (np.asarray(Image.open(io.BytesIO(each))) for each in (data, other))
    except Exception:  # the changed data were read
        return False
    return np.array_equal(first, second)


def _jp2(data: bytes, file: BinaryIO) -> str:
    """A packet without data is a zero byte, so that flat areas are zeros where a file has many layers or precincts."""
    start = data.find(b"\xff\x93")
    zeros = _longest(data, ((start, len(data) - start),)) if start >= 0 else 0
    return _said(zeros) if zeros >= _JP2_MARGIN and zeros >= _JP2_MARGIN + _jp2_packets(data) else ""


def _jp2_packets(data: bytes) -> int:
    """Return the largest number of packets that a tile can have."""
    siz, cod = data.find(b"\xff\x4f\xff\x51") + 2, data.find(b"\xff\x52")
    width, height, left, top, tile_width, tile_height = (
        int.from_bytes(data[siz + 6 + 4 * i : siz + 10 + 4 * i], "big") for i in range(6)
    )
    components = int.from_bytes(data[siz + 38 : siz + 40], "big")
    style, layers, levels = data[cod + 4], int.from_bytes(data[cod + 6 : cod + 8], "big"), data[cod + 9]
    width, height = min(tile_width, width - left), min(tile_height, height - top)
    precincts = 0
    for resolution in range(levels + 1):
        exponents = data[cod + 14 + resolution] if style & 1 else 0xFF
        across, down = width >> (levels - resolution), height >> (levels - resolution)
        precincts += ((across >> (exponents & 15)) + 2) * ((down >> (exponents >> 4)) + 2) if style & 1 else 1
    return components * layers * precincts
