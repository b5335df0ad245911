"""The header of JPEG XL files (ISO/IEC 18181-1, annex D; boxes: 18181-2): what the decoder does not report."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import imagecodecs

from img2imgkit.errors import DecodeError

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM = b"\xff\x0a"
_HEAD = 1 << 12  # the header is at the start of the codestream; extra channels make it longer than some 30 bytes
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_ALPHA, _SPOT, _CFA = 0, 2, 5  # types of extra channels
_GREY, _XYB = 1, 2
_D65, _CUSTOM = 1, 2
_MOST_METADATA = 64 << 20


@dataclass(frozen=True)
class Header:
    """The header: upright size, levels, channels and colours.

    Attributes:
        bits, is_float: of the levels of colours
        alpha: whether there is alpha; ``premultiplied``: whether colours are multiplied by it
        others: the number of extra channels besides alpha
        icc: whether the colours are described by an ICC profile, which is compressed in the codestream
        cicp: else, primaries and transfer function as H.273 numbers them; 2 if they are stated otherwise
        orientation: of the stored pixels, numbered as in EXIF
        grey: whether there are no colours
    """

    width: int
    height: int
    bits: int = 8
    is_float: bool = False
    alpha: bool = False
    premultiplied: bool = False
    others: int = 0
    icc: bool = False
    cicp: tuple[int, int] = (1, 13)
    orientation: int = 1
    grey: bool = False


def header(file: BinaryIO) -> Header:
    """Read the header. Raises DecodeError if it is cut off or damaged."""
    try:
        return _header(_Bits(_codestream_start(file)))
    except IndexError as error:
        raise DecodeError("is damaged: its JPEG XL header is cut off") from error


def boxes(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the metadata boxes of a container by name: ``Exif``, ``xml `` and others, decompressed."""
    found: dict[bytes, bytes] = {}
    for name, at, length in _boxes(file):
        if name in (b"Exif", b"xml ", b"brob", b"jhgm") and length <= _MOST_METADATA:
            file.seek(at)
            data = file.read(length)
            found.setdefault(*((name, data) if name != b"brob" else (data[:4], _decompressed(data[4:]))))
    return found


def codestream(file: BinaryIO) -> tuple[tuple[int, int], ...]:
    """Return start and end of each piece of the codestream."""
    found = [(at, at + length) for name, at, length in _boxes(file) if name in (b"jxlc", b"jxlp")]
    return tuple(found) or ((0, file.seek(0, 2)),)


def _decompressed(data: bytes) -> bytes:
    try:
        return bytes(imagecodecs.brotli_decode(data, out=_MOST_METADATA))
    except Exception:  # metadata only: the picture can still be read
        return b""


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each box, and where its content is. There are none outside a container."""
    file.seek(0, 2)
    end, at = file.tell(), 0
    file.seek(0)
    if file.read(len(CONTAINER)) != CONTAINER:
        return
    while at + 8 <= end:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if length == 1:
            length, start = int.from_bytes(file.read(8), "big"), at + 16
        stop = end if length == 0 else at + length
        if stop < start or stop > end:
            return
        yield name, start, stop - start
        at = stop


def _codestream_start(file: BinaryIO) -> bytes:
    file.seek(0)
    start = file.read(_HEAD)
    if start.startswith(CODESTREAM):
        return start[2:]
    for name, at, _ in _boxes(file):
        if name in (b"jxlc", b"jxlp"):
            file.seek(at + (4 if name == b"jxlp" else 0))
            return file.read(_HEAD).removeprefix(CODESTREAM)
    raise DecodeError("is damaged: it contains no JPEG XL codestream")


class _Bits:
    """Reads numbers of any number of bits, least significant bit first (18181-1, B.2)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def u(self, count: int) -> int:
        value = 0
        for bit in range(count):
            value |= (self._data[self._at >> 3] >> (self._at & 7) & 1) << bit
            self._at += 1
        return value

    def flag(self) -> bool:
        return bool(self.u(1))

    def u32(self, *ways: int | tuple[int, int]) -> int:
        """One of four ways: a number, or an offset and the number of bits to add."""
        way = ways[self.u(2)]
        return way if isinstance(way, int) else way[0] + self.u(way[1])

    def enum(self) -> int:
        return self.u32(0, 1, (2, 4), (18, 6))


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def side() -> int:
        return (bits.u(5) + 1) * 8 if small else bits.u32((1, 9), (1, 13), (1, 18), (1, 30))

    return _width_by_ratio(bits, side)


def _preview_size(bits: _Bits) -> tuple[int, int]:
    eighths = bits.flag()

    def side() -> int:
        if eighths:
            return bits.u32(16, 32, (1, 5), (33, 9)) * 8
        return bits.u32((1, 6), (65, 8), (321, 10), (1345, 12))

    return _width_by_ratio(bits, side)


def _width_by_ratio(bits: _Bits, side: Callable[[], int]) -> tuple[int, int]:
    height, ratio = side(), bits.u(3)
    if not ratio:
        return side(), height
    over, under = _RATIOS[ratio]
    return height * over // under, height


def _header(bits: _Bits) -> Header:
    width, height = _size(bits)
    if bits.flag():  # all default
        return Header(width, height)
    orientation = 1
    if bits.flag():  # extra fields
        orientation += bits.u(3)
        if orientation >= 5:
            width, height = height, width
        _skip_extra_fields(bits)
    levels, is_float = _bit_depth(bits)
    bits.flag()  # whether 16-bit buffers suffice
    extras = [_extra_channel(bits) for _ in range(bits.u32(0, 1, (2, 4), (1, 12)))]
    bits.flag()  # whether the colours are stored as XYB
    icc, cicp, grey = _colours(bits)
    alphas = [premultiplied for kind, premultiplied in extras if kind == _ALPHA]
    others = len(extras) - len(alphas[:1])
    return Header(width, height, levels, is_float, bool(alphas), any(alphas[:1]), others, icc, cicp, orientation, grey)


def _skip_extra_fields(bits: _Bits) -> None:
    if bits.flag():
        _size(bits)  # the intrinsic size
    if bits.flag():
        _preview_size(bits)
    if bits.flag():  # an animation: ticks per second, loops, whether there are time codes
        bits.u32(100, 1000, (1, 10), (1, 30))
        bits.u32(1, 1001, (1, 8), (1, 10))
        bits.u32(0, (0, 3), (0, 16), (0, 32))
        bits.flag()


def _bit_depth(bits: _Bits) -> tuple[int, bool]:
    if not bits.flag():
        return bits.u32(8, 10, 12, (1, 6)), False
    levels = bits.u32(32, 16, 24, (1, 6))
    bits.u(4)  # bits of the exponent
    return levels, True


def _extra_channel(bits: _Bits) -> tuple[int, bool]:
    """Read the type of an extra channel, and whether it is premultiplied alpha."""
    if bits.flag():
        return _ALPHA, False
    kind = bits.enum()
    _bit_depth(bits)
    bits.u32(0, 3, 4, (1, 3))  # subsampling
    bits.u(8 * bits.u32(0, (0, 4), (16, 5), (48, 10)))  # the name
    if kind == _SPOT:
        bits.u(4 * 16)
    if kind == _CFA:
        bits.u32(1, (0, 2), (3, 4), (19, 8))
    return kind, kind == _ALPHA and bits.flag()


def _colours(bits: _Bits) -> tuple[bool, tuple[int, int], bool]:
    """Read whether there is a profile; else primaries and transfer, numbered as in H.273; and whether it is grey."""
    if bits.flag():  # all default: sRGB
        return False, (1, 13), False
    icc, space = bits.flag(), bits.enum()
    if icc or space == _XYB:
        return icc, (2, 2), space == _GREY
    white = bits.enum()
    if white == _CUSTOM:
        _skip_chromaticities(bits, 1)
    primaries = 1 if space == _GREY else bits.enum()
    if primaries == _CUSTOM:
        _skip_chromaticities(bits, 3)
    transfer = 2
    if bits.flag():
        bits.u(24)  # an exponent
    else:
        transfer = bits.enum()
    if primaries == 11:  # P3: H.273 has one number for the white of cinemas and one for D65
        return False, (12 if white == _D65 else primaries, transfer), space == _GREY
    return False, (primaries if white == _D65 else 2, transfer), space == _GREY


def _skip_chromaticities(bits: _Bits, count: int) -> None:
    for _ in range(2 * count):
        bits.u32((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
