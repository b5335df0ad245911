"""Stretches of zeros in coded data: whether they are the code of what the picture shows, or were zeroed.

Coded data are nearly random, so that a long stretch of zeros is rare, unless a codec writes areas that repeat as zeros:
flat ones, gradients, patterns. Which area a stretch stands for is found by changing its first and its last byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

LEAST = 64  # bytes; coded data of pictures that do not repeat have no such stretch
MAX_STRETCHES = 2  # that are looked at, the longest first
_ZEROS = re.compile(rb"\0{%d,}" % LEAST)
_CHANGES = (0x55, 0xFF, 0xAA, 0x10, 0x0F, 0x80, 0x33, 0x01)  # to try: some have no effect, some cannot be decoded
_MOST_PER_CELL = 4  # bytes; a cell that repeats takes some bits
_BITS_PER_PIXEL = 4  # of an area that repeats downwards; zeros that are damage may copy the row above, at more bits
_MAX_SHIFT = 64  # pixels after which an area may repeat
_MOST_COPIED = 0.98  # of the pixels of an area; the others are edges
_MAX_AREA = 1 << 18  # pixels that are compared


class Stretch(NamedTuple):
    """A stretch of zeros in a file."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Its number of bytes."""
        return self.end - self.start


def stretches(data: bytes, places: Iterable[tuple[int, int]]) -> Iterator[Stretch]:
    """Yield the stretches of at least ``LEAST`` zeros in the places from start to end."""
    for start, end in places:
        first = data.find(bytes(LEAST), start, end)  # much faster than the expression
        if first >= 0:
            yield from (Stretch(*found.span()) for found in _ZEROS.finditer(data, first, end))


class Silent(NamedTuple):
    """What a decoder did not tell: certain damage, or "", and notes on what is suspicious."""

    damage: str = ""
    notes: tuple[str, ...] = ()


class Coding(NamedTuple):
    """How a format codes pixels.

    Attributes:
        cell: width and height of the blocks that are coded in turn, row by row; None if in no such order
        group: side of the squares in which that is done; 0 for the whole picture
        tolerance: levels by which coding with loss changes pixels that repeat
    """

    cell: tuple[int, int] | None = (1, 1)
    group: int = 0
    tolerance: int = 0


def note(stretch: Stretch) -> str:
    """Return the note on a suspicious stretch."""
    return f"the compressed data has a stretch of zeros, as damaged files do: {stretch.length:,} bytes"


def suspicion(
    data: bytes, found: Iterable[Stretch], decoded: Callable[[bytes], np.ndarray], coding: Coding
) -> tuple[str, ...]:
    """Return a note if one of the longest stretches does not stand for an area that repeats.

    Args:
        decoded: decodes data to pixels (H, W, C); it may raise anything
    """
    longest = sorted(found, key=lambda stretch: -stretch.length)[:MAX_STRETCHES]
    pixels = decoded(data) if longest else np.empty((0, 0, 0))
    suspicious = (each for each in longest if not _is_code(data, each, decoded, pixels, coding))
    return tuple(note(each) for each in suspicious)[:1]


def _is_code(
    data: bytes, stretch: Stretch, decoded: Callable[[bytes], np.ndarray], pixels: np.ndarray, coding: Coding
) -> bool:
    """Whether zeros stand for an area that repeats, or it cannot be known for which."""
    first = _changed(data, range(stretch.start, stretch.end), decoded, pixels)
    if first is None:
        return True
    last = _changed(data, range(stretch.end - 1, stretch.start, -1), decoded, pixels)
    if coding.cell is None:
        return repeats(pixels, first, coding.tolerance)
    if last is None:
        return True
    top, left = _group_of(first, coding.group)
    side = coding.group or max(first.shape)
    rows, columns = slice(top, top + side), slice(left, left + side)
    start, end = (_first_cell(mask[rows, columns], coding.cell) for mask in (first, last))
    if start == end and coding == Coding():  # in WebP flat pixels may take no bits: only what follows has changed
        return True
    if abs(end - start) * _MOST_PER_CELL < stretch.length:
        return False
    pixels = pixels[rows, columns]
    area = between(pixels, min(start, end), max(start, end), coding.cell)
    directions = (1, 0) if int(area.sum()) * _BITS_PER_PIXEL >= 8 * stretch.length else (1,)
    return repeats(pixels, area, coding.tolerance, directions)


def _group_of(mask: np.ndarray, side: int) -> tuple[int, int]:
    """Return top and left of the group with the first pixel of a mask."""
    if not side:
        return 0, 0
    top, left = np.argwhere(mask)[0] // side * side
    return int(top), int(left)


def between(pixels: np.ndarray, start: int, end: int, cell: tuple[int, int]) -> np.ndarray:
    """Return the mask (H, W) of a range of cells, numbered row by row."""
    height, width = pixels.shape[:2]
    across, down = -(-width // cell[0]), -(-height // cell[1])
    cells = np.zeros(across * down, bool)
    cells[start:end] = True
    return cells.reshape(down, across).repeat(cell[1], 0).repeat(cell[0], 1)[:height, :width]


def _changed(
    data: bytes, places: Iterable[int], decoded: Callable[[bytes], np.ndarray], pixels: np.ndarray
) -> np.ndarray | None:
    """Return the mask of the pixels that differ after a change of the first byte that has an effect; or None."""
    for change, at in zip(_CHANGES, places, strict=False):
        try:
            other = decoded(data[:at] + bytes((data[at] ^ change,)) + data[at + 1 :])
        except Exception:  # decoders may raise anything
            continue
        if other.shape == pixels.shape and (mask := (other != pixels).any(axis=2)).any():
            return mask
    return None


def _first_cell(mask: np.ndarray, cell: tuple[int, int]) -> int:
    """Return the number of the first cell, row by row, that has a pixel of the mask; if none has, that of the end."""
    across, down = -(-mask.shape[1] // cell[0]), -(-mask.shape[0] // cell[1])
    rows, columns = np.nonzero(mask)
    return int((rows // cell[1] * across + columns // cell[0]).min(initial=across * down))


def repeats(pixels: np.ndarray, area: np.ndarray, tolerance: int = 0, directions: tuple[int, ...] = (1, 0)) -> bool:
    """Whether pixels (H, W, C) in an area (H, W) are those some pixels to the left or above.

    With a tolerance they may differ by a constant as well, as gradients do: transforms code these by the same numbers.
    """
    rows, columns = np.nonzero(area)
    if not len(rows):
        return False
    top, left = rows[0], columns.min()
    bottom = min(rows[-1] + 1, top + max(1, _MAX_AREA // int(columns.max() + 1 - left)))
    levels = pixels[top:bottom, left : columns.max() + 1].astype(np.int32)
    inside = area[top:bottom, left : columns.max() + 1]
    if 0 in directions and not tolerance and _copied(levels)[inside].mean() > _MOST_COPIED:
        return True
    shifts = ((axis, shift) for shift in range(1, _MAX_SHIFT + 1) for axis in directions)
    return any(_equal(levels, inside, axis, shift, tolerance) for axis, shift in shifts)


def _copied(levels: np.ndarray) -> np.ndarray:
    """Return the mask of the pixels that equal their left or their upper neighbour."""
    same = np.zeros(levels.shape[:2], bool)
    same[:, 1:] |= (levels[:, 1:] == levels[:, :-1]).all(axis=2)
    same[1:] |= (levels[1:] == levels[:-1]).all(axis=2)
    return same


def _equal(levels: np.ndarray, inside: np.ndarray, axis: int, shift: int, tolerance: int) -> bool:
    if shift >= levels.shape[axis]:
        return False
    late, early = (slice(shift, None), slice(None, -shift)) if axis == 0 else (np.s_[:, shift:], np.s_[:, :-shift])
    compared = inside[late] & inside[early]
    if 2 * int(compared.sum()) < int(inside.sum()):
        return False
    steps = (levels[late] - levels[early])[compared]
    return bool((np.ptp(steps, axis=0) <= 2 * tolerance).all()) if tolerance else not steps.any()
