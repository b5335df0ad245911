"""Write the pixels of PNG files: rows filtered by numpy and compressed by libdeflate, in half of libpng's time."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from img2imgkit.images.deflate import deflate
from img2imgkit.images.png_chunks import SIGNATURE, packed

NONE, SUB, UP, PAETH = 0, 1, 2, 4  # types of filters (PNG specification, 9.2)
COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # colour types by the number of channels
_PAETH_LEVEL = 6  # from here on, small files are worth the time of the fourth filter
_BLOCK = 1 << 17  # bytes that are filtered at once: all candidates stay in the processor's cache
_CHUNK = 1 << 20  # bytes of an IDAT chunk


def encode(pixels: np.ndarray, level: int) -> bytes:
    """Return a PNG file without metadata.

    Args:
        level: 0 is not compressed, 9 the smallest

    Shapes:
        pixels: (H, W, C), uint8 or uint16: grey, grey and alpha, RGB, or RGB and alpha
    """
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    rows = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    data = deflate(_filtered(rows, channels * bits // 8, _kinds(level)), level)
    head = struct.pack(">IIBBBBB", width, height, bits, COLOURS[channels], 0, 0, 0)
    chunks = (packed(b"IDAT", data[start : start + _CHUNK]) for start in range(0, len(data), _CHUNK))
    return b"".join((SIGNATURE, packed(b"IHDR", head), *chunks, packed(b"IEND", b"")))


def _kinds(level: int) -> tuple[int, ...]:
    if not level:
        return (NONE,)
    return (NONE, SUB, UP, PAETH) if level >= _PAETH_LEVEL else (NONE, SUB, UP)


def _filtered(rows: np.ndarray, step: int, kinds: tuple[int, ...]) -> np.ndarray:
    """Filter each row by the type with the least sum of absolute differences (PNG specification, 12.8).

    Shapes:
        rows: (H, B) bytes; step: bytes of a pixel -> (H, 1 + B), with the type of each row before it
    """
    height, length = rows.shape
    made = np.empty((height, 1 + length), np.uint8)
    together = max(1, _BLOCK // length)
    for top in range(0, height, together):
        block = rows[top : top + together]
        above = np.zeros_like(block)
        above[int(top == 0) :] = rows[max(0, top - 1) : top + len(block) - 1]  # of the first row: zeros
        candidates = list(_candidates(block, above, step, kinds))
        best = np.argmin([absolute_sums(each) for each in candidates], axis=0)
        part = made[top : top + len(block)]
        part[:, 0] = np.asarray(kinds, np.uint8)[best]
        for number, candidate in enumerate(candidates):
            np.copyto(part[:, 1:], candidate, where=(best == number)[:, None])
    return made


def _candidates(block: np.ndarray, above: np.ndarray, step: int, kinds: tuple[int, ...]) -> Iterator[np.ndarray]:
    left = _shifted(block, step)
    for kind in kinds:
        if kind == NONE:
            yield block
        elif kind == SUB:
            yield block - left
        elif kind == UP:
            yield block - above
        else:
            yield block - _paeth(left, above, _shifted(above, step))


def _shifted(rows: np.ndarray, step: int) -> np.ndarray:
    """The bytes of the pixel to the left."""
    moved = np.zeros_like(rows)
    moved[:, step:] = rows[:, :-step]
    return moved


def _paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The one of three neighbours that is nearest to left + above - corner (PNG specification, 9.4)."""
    a, b, c = (each.astype(np.int16) for each in (left, above, corner))
    to_left, to_above, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    behind = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, behind)


def absolute_sums(rows: np.ndarray) -> np.ndarray:
    """The sum of each row's absolute values, as signed bytes. Shapes: (H, B) -> (H,)."""
    total: np.ndarray = np.abs(rows.view(np.int8)).view(np.uint8).sum(axis=1, dtype=np.uint64)
    return total
