"""Read the pixels of all kinds of PNG files with libpng, which keeps 16 bits and refuses missing rows."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.images.png_chunks import SIGNATURE, packed
from img2imgkit.images.raster import Raster, split

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
END_MISSING = "the end marker of the PNG is missing"
_LAST_FILTER = 4
_PIECE = 64  # bytes that are decompressed at a time when looking for damage
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_DEEP_MODES = {1: "I;16", 2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}
# Starts and strides of Adam7's passes: x, y, dx, dy (PNG specification, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PngHeader(NamedTuple):
    """The content of the IHDR chunk."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool


class _PixelChunks(NamedTuple):
    palette: bytes
    transparency: bytes
    pixels: list[bytes]  # IDAT chunks as stored in the file, with length, name and checksum
    damage: str  # what is wrong with one of these chunks
    ended: bool  # by the end marker, not by the end of the file


def header(file: BinaryIO) -> PngHeader:
    """Read the header of a PNG file.

    Raises:
        DecodeError: it is cut off, damaged or invalid.
    """
    file.seek(0)
    start = file.read(33)
    complete = len(start) == 33 and start.startswith(SIGNATURE) and start[12:16] == b"IHDR"
    if not complete or zlib.crc32(start[12:29]) != int.from_bytes(start[29:], "big"):
        raise DecodeError("is damaged: its PNG header is cut off or garbled")
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", start[16:29])
    if colour not in _SAMPLES or bits not in (1, 2, 4, 8, 16):
        raise DecodeError(f"is damaged: its PNG header states colour type {colour} with {bits} bits, which is invalid")
    return PngHeader(width, height, bits, colour, bool(interlaced))


def read(file: BinaryIO, salvage: bool = False) -> Raster:
    """Read the pixels of a PNG file, the first frame of animations. Metadata chunks are not read.

    With ``salvage``, missing rows are black or transparent, and ``damage`` of the result tells why.

    Raises:
        DecodeError: it is damaged, and ``salvage`` is false or nothing can be read.
    """
    head, chunks = header(file), _chunks(file)
    if head.colour == PALETTE and not chunks.palette:
        raise DecodeError("is damaged: its palette is missing")
    try:
        pixels, damage = _decoded(head, chunks), ""
    except Exception as error:
        if not salvage:
            raise
        pixels, damage = _salvaged(head, chunks), " ".join(str(error).removeprefix("is damaged: ").split())
    notes = () if chunks.ended else (END_MISSING,)
    found = _raster(head, chunks, pixels.reshape(head.height, head.width, -1))
    return found._replace(damage=damage, notes=() if damage else notes)


def verify(file: BinaryIO) -> None:
    """Verify the checksums of the chunks that pixels depend on, for readers that do not.

    Raises:
        DecodeError: one of them is wrong, or the header is damaged.
    """
    header(file)
    if damage := _chunks(file).damage:
        raise DecodeError(f"is damaged: {damage}")


def _decoded(head: PngHeader, chunks: _PixelChunks) -> np.ndarray:
    if chunks.damage:
        raise DamagedError(f"is damaged: {chunks.damage}")
    return _interlaced(head, _inflated(chunks.pixels, _size(head)), chunks) if head.interlaced else _plain(head, chunks)


def _salvaged(head: PngHeader, chunks: _PixelChunks) -> np.ndarray:
    """Decode the rows before the damage; the others are zeros."""
    rows = _readable(chunks.pixels, _size(head))
    if not rows:
        raise DecodeError("is damaged: none of its rows can be read")
    rows = _with_valid_filters(head, rows.ljust(_size(head), b"\0"))
    if head.interlaced:
        return _interlaced(head, rows, chunks)
    return _plain(head, chunks._replace(pixels=[packed(b"IDAT", zlib.compress(rows, 0))]))


def _raster(head: PngHeader, chunks: _PixelChunks, pixels: np.ndarray) -> Raster:
    if head.colour == PALETTE:
        return _from_palette(pixels, chunks.palette)
    name = mode(head.bits, pixels.shape[2])
    if pixels.shape[2] in (2, 4):
        return split(pixels, name)
    return Raster(pixels, None, "grey" if name in ("L", "I;16") else "rgb", "1" if head.bits == 1 else name)


def mode(bits: int, samples: int) -> str:
    """Return the mode of pictures with so many bits and channels, alpha included."""
    return (_DEEP_MODES if bits == 16 else _MODES)[samples]


def band(head: PngHeader, before: bytes, rows: bytes) -> np.ndarray:
    """Decode some rows of a picture without palette that is not interlaced.

    Args:
        before: the pixels of the row before them, as PNG stores them; empty for the first rows
        rows: as unpacked, with their filter bytes

    Shapes:
        -> (rows, W, channels), uint8 or uint16
    """
    data = b"\0" + before + rows if before else rows
    height = len(data) // (1 + row_bytes(head.width, head))
    chunks = _PixelChunks(b"", b"", [packed(b"IDAT", zlib.compress(data, 0))], "", True)
    return _plain(head._replace(height=height), chunks).reshape(height, head.width, -1)[1 if before else 0 :]


def _chunks(file: BinaryIO) -> _PixelChunks:
    palette, transparency, pixels, damage, ended = b"", b"", list[bytes](), "", False
    file.seek(len(SIGNATURE))
    while not ended and len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        ended = name == b"IEND"
        if name not in (b"PLTE", b"tRNS", b"IDAT"):
            file.seek(length + 4, 1)
            continue
        chunk = start + file.read(length + 4)
        if len(chunk) < length + 12 or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            damage = damage or f"the checksum of its {name.decode()} chunk is wrong"
        if name == b"IDAT":
            pixels.append(chunk)
        elif name == b"PLTE":
            palette = chunk[8:-4]
        else:
            transparency = chunk[8:-4]
    return _PixelChunks(palette, transparency, pixels, damage, ended)


def _plain(head: PngHeader, chunks: _PixelChunks) -> np.ndarray:
    data = [SIGNATURE, header_chunk(head)]
    data += [packed(b"PLTE", chunks.palette)] if head.colour == PALETTE else []
    data += [packed(b"tRNS", chunks.transparency)] if chunks.transparency else []
    return imagecodecs.png_decode(b"".join([*data, *chunks.pixels, packed(b"IEND", b"")]))


def _passes(head: PngHeader) -> list[tuple[int, int, tuple[slice, slice], int]]:
    """Return width, height, place and size in bytes of the seven passes that have pixels."""
    sides = (
        (len(range(x, head.width, dx)), len(range(y, head.height, dy)), (x, y, dx, dy)) for x, y, dx, dy in _PASSES
    )
    return [
        (width, height, (slice(y, None, dy), slice(x, None, dx)), height * (1 + row_bytes(width, head)))
        for width, height, (x, y, dx, dy) in sides
        if width and height
    ]


def _size(head: PngHeader) -> int:
    """Return the number of bytes of all rows, with their filter bytes."""
    if head.interlaced:
        return sum(size for *_, size in _passes(head))
    return head.height * (1 + row_bytes(head.width, head))


def _interlaced(head: PngHeader, data: bytes, chunks: _PixelChunks) -> np.ndarray:
    """Decode each of the seven passes as a separate picture, and scatter its pixels."""
    whole: np.ndarray | None = None
    start = 0
    for width, height, place, size in _passes(head):
        chunk = packed(b"IDAT", zlib.compress(data[start : start + size], 0))
        decoded = _plain(PngHeader(width, height, head.bits, head.colour, False), chunks._replace(pixels=[chunk]))
        decoded = decoded.reshape(height, width, -1)
        if whole is None:
            whole = np.empty((head.height, head.width, decoded.shape[2]), decoded.dtype)
        whole[place] = decoded
        start += size
    assert whole is not None, "the first pass has a pixel of every picture"
    return whole


def _inflated(chunks: list[bytes], size: int) -> bytes:
    unpacker = zlib.decompressobj()
    data = b"".join(chunk[8:-4] for chunk in chunks)
    rows = unpacker.decompress(data, size) if size else b""
    if len(rows) < size:
        raise DecodeError(f"is cut off: it contains {len(rows)} of {size} bytes of pixels")
    unpacker.decompress(unpacker.unconsumed_tail, 1)  # verifies the checksum of the rows
    return rows


def _readable(chunks: list[bytes], size: int) -> bytes:
    """Return the rows that can be decompressed before the first damage."""
    unpacker, rows = zlib.decompressobj(), bytearray()
    for chunk in chunks:
        data = chunk[8:-4] if len(chunk) >= 12 else chunk[8:]
        for start in range(0, len(data), _PIECE):
            try:
                rows += unpacker.decompress(data[start : start + _PIECE], max(size - len(rows), 1))
            except zlib.error:
                return bytes(rows[:size])
    return bytes(rows[:size])


def _with_valid_filters(head: PngHeader, rows: bytes) -> bytes:
    """Replace filter types that do not exist by "none": libpng reads no row after one of them."""
    passes = [(height, size) for _, height, _, size in _passes(head)] if head.interlaced else [(head.height, len(rows))]
    changed, start = np.frombuffer(rows, np.uint8).copy(), 0
    for height, size in passes:
        filters = changed[start : start + size].reshape(height, -1)[:, 0]
        filters[filters > _LAST_FILTER] = 0
        start += size
    return changed.tobytes()


def row_bytes(width: int, head: PngHeader) -> int:
    """Return the number of bytes of a row, without its filter byte."""
    return (width * _SAMPLES[head.colour] * head.bits + 7) // 8


def header_chunk(head: PngHeader) -> bytes:
    """Return the header as a chunk of a file that is not interlaced."""
    return packed(b"IHDR", struct.pack(">IIBBBBB", head.width, head.height, head.bits, head.colour, 0, 0, 0))


def _from_palette(pixels: np.ndarray, palette: bytes) -> Raster:
    """Return a grey picture if the palette contains only greys, otherwise RGB."""
    colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    grey = bool((colours == colours[:, :1]).all())
    color = np.ascontiguousarray(pixels[..., : 1 if grey else 3])
    alpha = np.ascontiguousarray(pixels[..., 3:]) if pixels.shape[2] == 4 else None
    return Raster(color, alpha, "grey" if grey else "rgb", "P")
