"""Small files that cost a decoder without bounds a lot of time or memory."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image


def jpeg_of_scans(count: int, side: int = 4000, between: bytes = b"") -> bytes:
    """A progressive JPEG that repeats its last scan."""
    target = io.BytesIO()
    Image.new("L", (side, side)).save(target, "JPEG", progressive=True)
    data = target.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + (between + data[last:-2]) * count + data[-2:]


def jpeg_of_segments(count: int, payload: bytes = b"Exif\0\0" + bytes(12)) -> bytes:
    """A JPEG with many segments of metadata."""
    target = io.BytesIO()
    Image.new("L", (8, 8)).save(target, "JPEG")
    data = target.getvalue()
    return data[:2] + (b"\xff\xe1" + struct.pack(">H", 2 + len(payload)) + payload) * count + data[2:]


def jpeg_with_junk(size: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (8, 8)).save(target, "JPEG")
    return target.getvalue()[:2] + b"\xff\xe0\0\2" + bytes(size) + target.getvalue()[2:]


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(chunks: bytes) -> bytes:
    """A valid PNG with chunks after its header."""
    target = io.BytesIO()
    Image.new("L", (8, 8)).save(target, "PNG")
    return target.getvalue()[:33] + chunks + target.getvalue()[33:]


def png_of_texts(count: int, size: int = 17 << 20) -> bytes:
    """A PNG with compressed texts, each too large alone."""
    return png_with(chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(size), 9)) * count)


def tiff(entries: list[tuple[int, int, int, int]], tail: bytes = b"", after: int = 0) -> bytes:
    """A little-endian TIFF file of one directory at byte 8: (tag, type, count, value) each, and what follows it."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", after) + tail


def tiff_page(width: int, height: int, compression: int, data: bytes, **more: int) -> bytes:
    """A grey TIFF of one strip."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)]
    entries += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(data))]
    return tiff([*entries, (273, 4, 1, 8 + 2 + 12 * 9 + 4)], data)


def tiff_chain(count: int) -> bytes:
    """A TIFF with a chain of empty directories behind its page."""
    page = bytearray(tiff_page(8, 8, 1, bytes(64)))
    at = len(page)
    struct.pack_into("<I", page, 8 + 2 + 12 * 9, at)
    links = b"".join(struct.pack("<HI", 0, at + 6 * number) for number in range(1, count))
    return bytes(page) + links + struct.pack("<HI", 0, 0)


def tiff_circle() -> bytes:
    """A TIFF whose directory is followed by itself."""
    page = bytearray(tiff_page(8, 8, 1, bytes(64)))
    struct.pack_into("<I", page, 8 + 2 + 12 * 9, 8)
    return bytes(page)


def gif_of_frames(count: int) -> bytes:
    """A GIF of frames of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * count + b";"


def gif_of_comments(size: int) -> bytes:
    """A GIF with one long comment before its picture."""
    block = b"\xff" + b"a" * 255
    whole = gif_of_frames(1)
    return whole[:19] + b"!\xfe" + block * (size // 256) + b"\0" + whole[19:]


def webp_of_frames(count: int) -> bytes:
    """An animated WebP that repeats a frame."""
    target = io.BytesIO()
    some = [Image.new("RGB", (16, 16), (level, 0, 0)) for level in (0, 255)]
    some[0].save(target, "WEBP", save_all=True, append_images=some[1:], lossless=True)
    data = target.getvalue()
    at = data.rindex(b"ANMF")
    body = data[12:] + data[at:] * count
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def jpeg2000_of_tiles(side: int, tile: int) -> bytes:
    """A JPEG 2000 codestream whose header states tiny tiles of a large picture; they are missing."""
    size = struct.pack(">HHIIIIIIIIHBBB", 41, 0, side, side, 0, 0, tile, tile, 0, 0, 1, 7, 1, 1)
    coding = bytes([0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 0, 4, 4, 0, 1])
    quantisation = bytes([0xFF, 0x5C, 0, 4, 0x40, 0x40])
    return b"\xff\x4f\xff\x51" + size + coding + quantisation + b"\xff\xd9"
