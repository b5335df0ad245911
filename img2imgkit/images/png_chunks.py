"""Metadata chunks of PNG files: read from anywhere in a file, inserted into an encoded one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNK = 64 << 20  # larger metadata chunks are ignored
MAX_TEXT = 16 << 20  # of all texts together, decompressed
MAX_REFUSED = 8  # texts that exceed it; each is decompressed up to the limit before that is known
BEFORE_PIXELS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"pHYs", b"eXIf", b"iTXt", b"tEXt", b"zTXt")
XMP_KEY = "XML:com.adobe.xmp"

Chunk = tuple[bytes, bytes]


class TooLarge(ValueError):
    """A compressed text or profile exceeds the limit of metadata."""


def packed(name: bytes, data: bytes) -> bytes:
    """Return the bytes of a chunk in a file, with length and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def read(file: BinaryIO, damaged: list[str] | None = None) -> list[Chunk]:
    """Return all chunks except pixels, in file order. The names of damaged chunks are added to ``damaged``.

    The position in the file is then after the last chunk.
    """
    found: list[Chunk] = []
    file.seek(len(SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name == b"IEND":
            file.seek(length + 4, 1)
            break
        if name in (b"IDAT", b"fdAT") or length > MAX_CHUNK:
            file.seek(length + 4, 1)
            continue
        data, check = file.read(length), file.read(4)
        if len(check) == 4 and zlib.crc32(name + data) == int.from_bytes(check, "big"):
            found.append((name, data))
        elif damaged is not None:
            damaged.append(name.decode("ascii", "replace") if name.isalpha() else "a chunk without a name")
    return found


def frames(chunks: Iterable[Chunk]) -> int:
    """Return the number of frames, more than one in an animated PNG."""
    return next((int.from_bytes(data[:4], "big") for name, data in chunks if name == b"acTL"), 1)


def insert(png: bytes, chunks: Iterable[Chunk]) -> bytes:
    """Insert chunks after the header of an encoded PNG file, in an order that the specification allows."""
    ordered = sorted(chunks, key=lambda chunk: BEFORE_PIXELS.index(chunk[0]))
    added = b"".join(packed(name, data) for name, data in ordered)
    return png[:33] + added + png[33:]


def texts(chunks: Iterable[Chunk]) -> Iterator[tuple[str, str]]:
    """Yield keyword and text of the tEXt, zTXt and iTXt chunks up to ``MAX_TEXT``; damaged ones are skipped."""
    left, refused = MAX_TEXT, 0
    readers = {b"tEXt": _plain, b"zTXt": _deflated, b"iTXt": _international}
    for name, data in chunks:
        if name not in readers:
            continue
        try:
            key, text = readers[name](data, left)
        except TooLarge:
            refused += 1
            if refused == MAX_REFUSED:
                return
            continue
        except (ValueError, zlib.error, IndexError):
            continue
        left -= len(text)
        yield key, text


def text_chunk(key: str, text: str) -> Chunk:
    """Return the chunk of a text: tEXt if it is Latin-1, otherwise iTXt.

    Raises:
        ValueError: the keyword is empty, or longer than the 79 Latin-1 characters that PNG allows.
    """
    name = key.encode("latin-1")
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise ValueError(f"{key!r} is not a valid PNG keyword")
    if key != XMP_KEY and "\0" not in text:
        try:
            return b"tEXt", name + b"\0" + text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return b"iTXt", name + b"\0\0\0\0\0" + text.encode("utf-8")


def profile(data: bytes) -> bytes | None:
    """Return the ICC profile of an iCCP chunk, or None if it is damaged."""
    _, _, rest = data.partition(b"\0")
    try:
        return _unpack(rest[1:], MAX_CHUNK)
    except (ValueError, zlib.error):
        return None


def profile_chunk(icc: bytes) -> Chunk:
    """Return the iCCP chunk of a profile."""
    return b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc, 9)


def dpi(data: bytes) -> tuple[float, float] | None:
    """Return the dots per inch of a pHYs chunk, or None if it states only an aspect ratio."""
    if len(data) != 9 or data[8] != 1:
        return None
    across, down = struct.unpack(">II", data[:8])
    return across * 0.0254, down * 0.0254


def dpi_chunk(dots: tuple[float, float]) -> Chunk:
    """Return the pHYs chunk of a resolution in dots per inch."""
    return b"pHYs", struct.pack(">IIB", *(min(round(d / 0.0254), 2**31 - 1) for d in dots), 1)


def _plain(data: bytes, limit: int) -> tuple[str, str]:
    key, zero, text = data.partition(b"\0")
    if not zero or len(text) > limit:
        raise ValueError("no keyword, or too long")
    return key.decode("latin-1"), text.decode("latin-1")


def _deflated(data: bytes, limit: int) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    return key.decode("latin-1"), _unpack(rest[1:], limit).decode("latin-1")


def _international(data: bytes, limit: int) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    deflated = rest[0] == 1
    _language, _translated, text = rest[2:].split(b"\0", 2)
    plain = _unpack(text, limit) if deflated else text[:limit]
    return key.decode("latin-1"), plain.decode("utf-8")


def _unpack(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, max(limit, 1))
    if not unpacker.eof:
        raise TooLarge if unpacker.unconsumed_tail else ValueError("cut off")
    return plain
