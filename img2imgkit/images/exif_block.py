"""Change single values of an EXIF block in place, so that all other bytes, including maker notes, are kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

ORIENTATION, EXIF_IFD = 0x0112, 0x8769
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
WIDTHS, HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
SHORT, LONG = 3, 4
MAX_ENTRIES = 4096


class _Entry(NamedTuple):
    tag: int
    kind: int
    number: int
    at: int  # the offset of its four bytes of value


def orientation(block: bytes) -> int | None:
    """Return the orientation of a block, 1 to 8: 1 if it is invalid, None if it is not stated.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order = _order(block)
    for entry in _entries(block, order, _first(block, order)):
        if entry.tag == ORIENTATION:
            value = _value(block, order, entry)
            return value if value in range(1, 9) else 1
    return None


def upright(block: bytes) -> bytes:
    """Return the block with orientation 1 and without its thumbnail, which shows the original picture.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order, changed = _order(block), bytearray(block)
    first = _first(block, order)
    entries = list(_entries(block, order, first))
    for entry in entries:
        if entry.tag == ORIENTATION:
            _put(changed, order, entry, 1)
    link = first + 2 + 12 * len(entries)
    if link + 4 <= len(block):
        changed[link : link + 4] = bytes(4)
        _erase_thumbnail(changed, block, order, struct.unpack_from(order + "I", block, link)[0])
    return bytes(changed)


def sized(block: bytes, width: int, height: int) -> bytes:
    """Return the block with its stated sizes, if any, set to a picture's.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order, changed = _order(block), bytearray(block)
    for entry in _all_entries(block, order):
        if entry.tag in WIDTHS:
            _put(changed, order, entry, width)
        elif entry.tag in HEIGHTS:
            _put(changed, order, entry, height)
    return bytes(changed)


def _order(block: bytes) -> str:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8 or struct.unpack_from(order + "H", block, 2)[0] != 42:
        raise ValueError("not an EXIF block: it does not start with a TIFF header")
    return order


def _first(block: bytes, order: str) -> int:
    return int(struct.unpack_from(order + "I", block, 4)[0])


def _entries(block: bytes, order: str, at: int) -> Iterator[_Entry]:
    if not 8 <= at <= len(block) - 2:
        raise ValueError("damaged EXIF block: a directory is outside the block")
    count = struct.unpack_from(order + "H", block, at)[0]
    if count > MAX_ENTRIES or at + 2 + 12 * count > len(block):
        raise ValueError("damaged EXIF block: a directory is longer than the block")
    for start in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, start)
        yield _Entry(tag, kind, number, start + 8)


def _all_entries(block: bytes, order: str) -> Iterator[_Entry]:
    for entry in _entries(block, order, _first(block, order)):
        yield entry
        if entry.tag == EXIF_IFD:
            yield from _entries(block, order, _value(block, order, entry))


def _value(block: bytes, order: str, entry: _Entry) -> int:
    if entry.kind not in (SHORT, LONG):
        return 0
    return int(struct.unpack_from(order + ("H" if entry.kind == SHORT else "I"), block, entry.at)[0])


def _put(block: bytearray, order: str, entry: _Entry, value: int) -> None:
    """Set a single SHORT or LONG. An entry too small for its value becomes a LONG, which EXIF also allows."""
    if entry.number != 1 or entry.kind not in (SHORT, LONG):
        return
    if entry.kind == SHORT and value <= 0xFFFF:
        struct.pack_into(order + "HH", block, entry.at, value, 0)
        return
    struct.pack_into(order + "H", block, entry.at - 6, LONG)
    struct.pack_into(order + "I", block, entry.at, value)


def _erase_thumbnail(changed: bytearray, block: bytes, order: str, at: int) -> None:
    if at == 0:
        return
    try:
        stated = {entry.tag: _value(block, order, entry) for entry in _entries(block, order, at)}
    except ValueError:
        return
    start, length = stated.get(THUMBNAIL_OFFSET, 0), stated.get(THUMBNAIL_LENGTH, 0)
    if start < 8 or length < 1 or start + length > len(block):
        return
    if start + length == len(block):
        del changed[start:]
    else:
        changed[start : start + length] = bytes(length)
