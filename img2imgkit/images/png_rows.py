"""PNG files of large pictures, read and written by bands of rows, so that memory holds few rows at a time.

The work is bounded by the size in the header: what follows the last row is not unpacked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO

import numpy as np

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.images import png_chunks, png_read, scratch
from img2imgkit.images.picture import Picture
from img2imgkit.images.png_read import END_MISSING, PngHeader
from img2imgkit.images.png_write import COLOURS, SUB, UP, absolute_sums
from img2imgkit.images.raster import Raster

_BAND = 8 << 20  # bytes of rows
_CHUNK = 1 << 20  # bytes of an IDAT chunk that is written
_MAX_CHUNK = 1 << 31  # bytes of a chunk in a valid file


def is_supported(file: BinaryIO) -> bool:
    """Whether ``read`` reads a file: a PNG of a large picture with 8 or 16 bits, without palette or transparent colour,
    and not interlaced.
    """
    file.seek(0)
    if file.read(8) != png_chunks.SIGNATURE:
        return False
    head = png_read.header(file)
    simple = head.bits in (8, 16) and head.colour in COLOURS.values() and not head.interlaced
    if not (simple and scratch.is_large(head.height * png_read.row_bytes(head.width, head))):
        return False
    return all(name != b"tRNS" for name, _, _ in _names(file))


def read_large(file: BinaryIO) -> Raster | None:
    """Read the pixels of a file if it ``is_supported``, otherwise return None; see ``read``."""
    return read(file) if is_supported(file) else None


def read(file: BinaryIO) -> Raster:
    """Read the pixels of a file that is supported.

    Raises:
        NoRoom: the temporary folder is full.
        DecodeError: pixels are missing or damaged.
    """
    head = png_read.header(file)
    size, ended = 1 + png_read.row_bytes(head.width, head), [False]
    step = max(1, _BAND // size)
    dtype = np.uint8 if head.bits == 8 else np.uint16
    samples = {colour: count for count, colour in COLOURS.items()}[head.colour]
    channels = samples - (samples in (2, 4))
    color = scratch.empty_pixels((head.height, head.width, channels), dtype)
    alpha = scratch.empty_pixels((head.height, head.width, 1), dtype) if samples > channels else None
    before, unpacked = b"", _unpacked(_compressed(file, ended), head.height * size)
    waiting = bytearray()
    for top in range(0, head.height, step):
        wanted = min(step, head.height - top) * size
        while len(waiting) < wanted:
            piece = next(unpacked, b"")
            if not piece:
                raise DamagedError(f"is damaged: it ends at row {top + len(waiting) // size} of {head.height}")
            waiting += piece
        rows, waiting = bytes(waiting[:wanted]), waiting[wanted:]
        band = png_read.band(head, before, rows)
        color[top : top + len(band)] = band[..., :channels]
        if alpha is not None:
            alpha[top : top + len(band)] = band[..., channels:]
        before = band[-1].astype(band.dtype.newbyteorder(">")).tobytes()
        scratch.release_pixels(color, *([] if alpha is None else [alpha]))
    for _ in unpacked:  # verifies the checksum of the rows, and finds the end marker
        pass
    notes = () if ended[0] else (END_MISSING,)
    return Raster(color, alpha, "rgb" if channels > 1 else "grey", png_read.mode(head.bits, samples), notes)


def _names(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of each chunk before the pixels."""
    file.seek(len(png_chunks.SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, name = int.from_bytes(start[:4], "big"), start[4:]
        if name == b"IDAT":
            return
        yield name, file.tell(), length
        file.seek(length + 4, 1)


def _compressed(file: BinaryIO, ended: list[bool]) -> Iterator[bytes]:
    """Yield the content of the IDAT chunks, at most ``_CHUNK`` bytes at a time; verify their checksums."""
    file.seek(len(png_chunks.SIGNATURE))
    while len(start := file.read(8)) == 8:
        length, name = int.from_bytes(start[:4], "big"), start[4:]
        if name == b"IEND":
            ended[0] = True
            return
        if name != b"IDAT" or length > _MAX_CHUNK:
            file.seek(length + 4, 1)
            continue
        check = zlib.crc32(name)
        while length:
            piece = file.read(min(length, _CHUNK))
            if not piece:
                raise DamagedError("is damaged: the checksum of its IDAT chunk is wrong")
            check, length = zlib.crc32(piece, check), length - len(piece)
            yield piece
        if check != int.from_bytes(file.read(4), "big"):
            raise DamagedError("is damaged: the checksum of its IDAT chunk is wrong")


def _unpacked(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the rows of a file, ``size`` bytes in all."""
    unpacker = zlib.decompressobj()
    try:
        for piece in pieces:
            left = piece
            while left and size:
                made = unpacker.decompress(left, min(size, _BAND))
                left, size = unpacker.unconsumed_tail, size - len(made)
                if made:
                    yield made
                elif not left:
                    break
            if not size and not unpacker.eof:
                unpacker.decompress(left, 1)
    except zlib.error as error:
        raise DecodeError(f"is damaged: {error}") from error


def write(file: IO[bytes], picture: Picture, chunks: Iterable[png_chunks.Chunk], level: int) -> None:
    """Write a picture as a PNG file. Each row has the better one of two filters, Sub and Up.

    Args:
        chunks: of metadata
        level: of the compression
    """
    samples = picture.color.shape[2] + (picture.alpha is not None)
    head = PngHeader(picture.width, picture.height, picture.depth, COLOURS[samples], False)
    start = png_chunks.SIGNATURE + png_read.header_chunk(head)
    file.write(png_chunks.insert(start, chunks))
    packer, waiting = zlib.compressobj(level), bytearray()
    for rows in _filtered(picture, samples * picture.depth // 8):
        waiting += packer.compress(rows.tobytes())
        if len(waiting) > _CHUNK:
            file.write(png_chunks.packed(b"IDAT", bytes(waiting)))
            waiting.clear()
    file.write(png_chunks.packed(b"IDAT", bytes(waiting) + packer.flush()))
    file.write(png_chunks.packed(b"IEND", b""))


def _filtered(picture: Picture, pixel: int) -> Iterator[np.ndarray]:
    """Yield bands of rows with their filter bytes.

    Args:
        pixel: bytes of a pixel

    Shapes:
        -> (rows, 1 + W * pixel), uint8
    """
    size = picture.width * pixel
    step, before = max(1, _BAND // size), np.zeros((1, size), np.uint8)
    for top in range(0, picture.height, step):
        parts = [each[top : top + step] for each in (picture.color, picture.alpha) if each is not None]
        band = np.concatenate(parts, axis=2)
        rows = np.ascontiguousarray(band, band.dtype.newbyteorder(">")).view(np.uint8).reshape(len(band), size)
        sub, up = rows.copy(), rows - np.concatenate([before, rows[:-1]])
        sub[:, pixel:] -= rows[:, :-pixel]
        is_sub = absolute_sums(sub) < absolute_sums(up)
        made = np.empty((len(rows), 1 + size), np.uint8)
        made[:, 0] = np.where(is_sub, SUB, UP)
        made[:, 1:] = np.where(is_sub[:, None], sub, up)
        before = rows[-1:].copy()
        yield made
        scratch.release_pixels(picture.color, *([] if picture.alpha is None else [picture.alpha]))
