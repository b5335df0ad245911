"""The chunks of a PNG file beside its pixels: read from anywhere in the file, put into a finished one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNK = 64 << 20  # a larger one beside the pixels is no metadata
MAX_TEXT = 16 << 20  # of all texts together, once unpacked
BEFORE_PIXELS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT", b"pHYs", b"eXIf", b"iTXt", b"tEXt", b"zTXt")
XMP_KEY = "XML:com.adobe.xmp"

Chunk = tuple[bytes, bytes]


def packed(name: bytes, data: bytes) -> bytes:
    """A chunk as it stands in a file, with its length and check sum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def read(file: BinaryIO) -> list[Chunk]:
    """Every chunk but the pixels', in the file's order, up to the first damaged one."""
    found: list[Chunk] = []
    file.seek(len(SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name == b"IEND":
            break
        if name in (b"IDAT", b"fdAT") or length > MAX_CHUNK:
            file.seek(length + 4, 1)
            continue
        data, check = file.read(length), file.read(4)
        if len(check) < 4 or zlib.crc32(name + data) != int.from_bytes(check, "big"):
            break
        found.append((name, data))
    return found


def frames(chunks: Iterable[Chunk]) -> int:
    """How many pictures there are: more than one in an animated PNG."""
    return next((int.from_bytes(data[:4], "big") for name, data in chunks if name == b"acTL"), 1)


def insert(png: bytes, chunks: Iterable[Chunk]) -> bytes:
    """A finished PNG file with further chunks behind its header; their order is put right."""
    ordered = sorted(chunks, key=lambda chunk: BEFORE_PIXELS.index(chunk[0]))
    added = b"".join(packed(name, data) for name, data in ordered)
    return png[:33] + added + png[33:]


def texts(chunks: Iterable[Chunk]) -> Iterator[tuple[str, str]]:
    """Keyword and text of the tEXt, zTXt and iTXt chunks; damaged ones are passed over."""
    room = MAX_TEXT
    readers = {b"tEXt": _plain, b"zTXt": _deflated, b"iTXt": _international}
    for name, data in chunks:
        if name not in readers:
            continue
        try:
            key, text = readers[name](data, room)
        except (ValueError, zlib.error, IndexError):
            continue
        room -= len(text)
        yield key, text


def text_chunk(key: str, text: str) -> Chunk:
    """The chunk for a text: tEXt where Latin-1 holds it, else iTXt.

    Raises:
        ValueError: the keyword is empty, or longer than the 79 Latin-1 characters that PNG allows.
    """
    name = key.encode("latin-1")
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise ValueError(f"{key!r} is no PNG keyword")
    if key != XMP_KEY and "\0" not in text:
        try:
            return b"tEXt", name + b"\0" + text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return b"iTXt", name + b"\0\0\0\0\0" + text.encode("utf-8")


def profile(data: bytes) -> bytes | None:
    """The ICC profile in an iCCP chunk, or None when it is damaged."""
    _, _, rest = data.partition(b"\0")
    try:
        return _unpack(rest[1:], MAX_CHUNK)
    except (ValueError, zlib.error):
        return None


def profile_chunk(icc: bytes) -> Chunk:
    """The iCCP chunk for a profile."""
    return b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc, 9)


def dpi(data: bytes) -> tuple[float, float] | None:
    """Dots per inch of a pHYs chunk, or None when it states only an aspect ratio."""
    if len(data) != 9 or data[8] != 1:
        return None
    across, down = struct.unpack(">II", data[:8])
    return across * 0.0254, down * 0.0254


def dpi_chunk(dots: tuple[float, float]) -> Chunk:
    """The pHYs chunk for a resolution in dots per inch."""
    return b"pHYs", struct.pack(">IIB", *(min(round(d / 0.0254), 2**31 - 1) for d in dots), 1)


def _plain(data: bytes, room: int) -> tuple[str, str]:
    key, zero, text = data.partition(b"\0")
    if not zero or len(text) > room:
        raise ValueError("no keyword, or too long")
    return key.decode("latin-1"), text.decode("latin-1")


def _deflated(data: bytes, room: int) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    return key.decode("latin-1"), _unpack(rest[1:], room).decode("latin-1")


def _international(data: bytes, room: int) -> tuple[str, str]:
    key, _, rest = data.partition(b"\0")
    deflated = rest[0] == 1
    _language, _translated, text = rest[2:].split(b"\0", 2)
    plain = _unpack(text, room) if deflated else text[:room]
    return key.decode("latin-1"), plain.decode("utf-8")


def _unpack(data: bytes, room: int) -> bytes:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, max(room, 1))
    if not unpacker.eof:
        raise ValueError("cut off, or larger than metadata may be")
    return plain
