"""The quantizers of AVIF pictures, from the headers of coded pictures (AV1 specification, 5.3, 5.5, 5.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

from img2imgkit.images import heif_boxes

MAX_HEADER = 4096  # bytes of a coded picture that are read; the headers have some dozens
_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_KEY_FRAME = 0
_IDENTITY = 0  # the matrix of RGB that is stored as such (H.273, table 4)
_BT709, _SRGB = 1, 13  # primaries, transfer
_SELECT = 2  # a tool that each frame switches on or off
_SUPERRES_UNIT, _SUPERRES_LEAST = 8, 9
_MAX_TILE_WIDTH, _MAX_TILE_AREA, _MAX_TILES = 4096, 4096 * 2304, 64
# Quantizer indices that libavif with libaom writes for qualities, whatever the picture.
_INDICES = (0, 4, 12, 16, 24, 32, 48, 60, 76, 92, 120, 148, 172, 196, 216, 236, 255)
_QUALITIES = (100, 99, 97, 95, 92, 90, 85, 80, 75, 70, 60, 50, 40, 30, 20, 10, 1)


def quality(file: BinaryIO) -> int | None:
    """Estimate libavif's quality of a file, from 1 to 100; None if its headers do not tell."""
    found = next(filter(None, _codings(file, heif_boxes.describe(file).extents)), None)
    return None if found is None else round(float(np.interp(found.quantizer, _INDICES, _QUALITIES)))


def is_lossless(file: BinaryIO) -> bool:
    """Whether all coded pictures of a file, such as colours and alpha, are exact, and colours are stored as RGB."""
    described = heif_boxes.describe(file)
    found = list(_codings(file, described.extents))
    matrix = described.numbers and described.numbers[2]
    return bool(found) and all(
        coding is not None
        and coding.exact
        and (coding.matrix is None or (coding.matrix if matrix is None else matrix) == _IDENTITY)
        for coding in found
    )


class _Coding(NamedTuple):
    """How a picture is coded: ``base_q_idx``, whether nothing is lost, and the matrix of its colours; None: grey."""

    quantizer: int
    exact: bool
    matrix: int | None


def _codings(file: BinaryIO, extents: Iterable[tuple[int, int]]) -> Iterator[_Coding | None]:
    """Yield how each coded picture is coded; None if its headers do not tell."""
    for offset, length in extents:
        file.seek(offset)
        try:
            yield _coding(file.read(min(length, MAX_HEADER)))
        except (IndexError, ValueError):
            yield None


class _Bits:
    """Reads bits, the most significant first. Raises IndexError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def u(self, count: int) -> int:
        number = 0
        for _ in range(count):
            number = number * 2 + (self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1)
            self._at += 1
        return number

    def counted(self, least: int, most: int) -> int:
        """A number that grows by 1 for each bit of 1, up to a maximum."""
        while least < most and self.u(1):
            least += 1
        return least


class _Colours(NamedTuple):
    """Whether there are colours, their matrix, and whether their planes have quantizers of their own."""

    grey: bool
    matrix: int
    separate: bool


@dataclass(frozen=True)
class _Sequence:
    """What of a sequence header (5.5) is needed to read a frame header."""

    reduced: bool
    width: int
    height: int
    size_bits: tuple[int, int]
    id_bits: int
    large_blocks: bool
    screen_tools: int
    integer_motion: int
    order_bits: int
    superres: bool
    colours: _Colours


def _coding(data: bytes) -> _Coding | None:
    """Return how the first frame is coded."""
    sequence = None
    for kind, content in _units(data):
        if kind == _SEQUENCE:
            sequence = _sequence(_Bits(content))
        elif kind in (_FRAME_HEADER, _FRAME) and sequence is not None:
            return _frame(_Bits(content), sequence)
    return None


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each unit (OBU, 5.3)."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        length = len(data) - at
        if head & 2:
            length, shift = 0, 0
            while True:
                byte = data[at]
                at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
                if not byte & 0x80:
                    break
                if shift > 56:
                    raise ValueError("a length of more than 8 bytes")
        yield head >> 3 & 15, data[at : at + length]
        at += length


def _sequence(bits: _Bits) -> _Sequence:
    """Read a sequence header. Raises ValueError for timing information, which still pictures do not have."""
    profile = bits.u(3)
    bits.u(1)  # still picture
    reduced = bool(bits.u(1))
    if reduced:
        bits.u(5)
    else:
        if bits.u(1):
            raise ValueError("timing information")
        bits.u(1)
        for _ in range(bits.u(5) + 1):
            bits.u(12)
            if bits.u(5) > 7:
                bits.u(1)
    size_bits = (bits.u(4) + 1, bits.u(4) + 1)
    width, height = (bits.u(count) + 1 for count in size_bits)
    id_bits = 0
    if not reduced and bits.u(1):
        id_bits = bits.u(4) + 2 + bits.u(3) + 1
    large_blocks = bool(bits.u(1))
    bits.u(2)
    screen_tools, integer_motion, order_bits = _SELECT, _SELECT, 0
    if not reduced:
        bits.u(4)
        ordered = bits.u(1)
        bits.u(2 * ordered)
        screen_tools = _SELECT if bits.u(1) else bits.u(1)
        if screen_tools:
            integer_motion = _SELECT if bits.u(1) else bits.u(1)
        order_bits = bits.u(3) + 1 if ordered else 0
    superres = bool(bits.u(1))
    bits.u(2)
    sides = (width, height, size_bits, id_bits)
    tools = (screen_tools, integer_motion, order_bits)
    return _Sequence(reduced, *sides, large_blocks, *tools, superres, _colours(bits, profile))


def _colours(bits: _Bits, profile: int) -> _Colours:
    """Read the description of colours (5.5.2)."""
    deep = bits.u(1)
    twelve = bits.u(1) if profile == 2 and deep else 0
    grey = profile != 1 and bool(bits.u(1))
    primaries, transfer, matrix = (bits.u(8), bits.u(8), bits.u(8)) if bits.u(1) else (2, 2, 2)
    if grey:
        bits.u(1)
        return _Colours(True, matrix, False)
    if (primaries, transfer, matrix) != (_BT709, _SRGB, _IDENTITY):
        bits.u(1)
        halved = (profile != 1, profile == 0)
        if twelve:
            across = bool(bits.u(1))
            halved = (across, across and bool(bits.u(1)))
        bits.u(2 * all(halved))  # where the halved samples lie
    return _Colours(False, matrix, bool(bits.u(1)))


def _frame(bits: _Bits, sequence: _Sequence) -> _Coding | None:
    """Read a frame header up to its quantizers (5.9.2, 5.9.12); None for frames that are not shown key frames."""
    if not sequence.reduced and (bits.u(1) or bits.u(2) != _KEY_FRAME or not bits.u(1)):
        return None
    has_fixed_probabilities = bits.u(1)
    screen_tools = bits.u(1) if sequence.screen_tools == _SELECT else sequence.screen_tools
    if screen_tools and sequence.integer_motion == _SELECT:
        bits.u(1)
    bits.u(sequence.id_bits)
    has_own_size = 0 if sequence.reduced else bits.u(1)
    bits.u(sequence.order_bits)
    width, height = sequence.width, sequence.height
    if has_own_size:
        width, height = (bits.u(count) + 1 for count in sequence.size_bits)
    full_width = width
    if sequence.superres and bits.u(1):
        divisor = bits.u(3) + _SUPERRES_LEAST
        width = (full_width * _SUPERRES_UNIT + divisor // 2) // divisor
    if bits.u(1):
        bits.u(32)  # the size to show it in
    if screen_tools and full_width == width:
        bits.u(1)
    if not sequence.reduced and not has_fixed_probabilities:
        bits.u(1)
    _skip_tiles(bits, width, height, sequence.large_blocks)
    grey, matrix, separate = sequence.colours
    index = bits.u(8)
    changes = bits.u((1 if grey else 3 + separate) + 2)  # of planes and frequencies, by matrices, by segments
    return _Coding(index, index == changes == 0, None if grey else matrix)


def _skip_tiles(bits: _Bits, width: int, height: int, large_blocks: bool) -> None:
    """Read the description of tiles (5.9.15). Raises ValueError for tiles of different sizes."""
    side = 7 if large_blocks else 6  # of a superblock, as a power of 2
    columns, rows = (-(-8 * -(-size // 8) >> side) for size in (width, height))
    least = _log2(_MAX_TILE_WIDTH >> side, columns)
    least_tiles = max(least, _log2(_MAX_TILE_AREA >> 2 * side, rows * columns))
    if not bits.u(1):
        raise ValueError("tiles of different sizes")
    across = _tiles(bits.counted(least, _log2(1, min(columns, _MAX_TILES))), columns)
    down = _tiles(bits.counted(max(least_tiles - across, 0), _log2(1, min(rows, _MAX_TILES))), rows)
    if across or down:
        bits.u(across + down + 2)


def _tiles(log: int, blocks: int) -> int:
    """The power of 2 that counts the tiles of 2**log parts of a row of blocks."""
    each = (blocks + (1 << log) - 1) >> log
    return _log2(1, -(-blocks // each))


def _log2(start: int, target: int) -> int:
    count = 0
    while start << count < target:
        count += 1
    return count
