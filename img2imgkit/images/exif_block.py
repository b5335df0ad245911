"""Read and change single values of an EXIF block in place, so that all other bytes, including maker notes, are kept."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

ORIENTATION, EXIF_IFD, INTEROPERABILITY_IFD = 0x0112, 0x8769, 0xA005
_INTEROPERABILITY_INDEX = 1
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202
STRIP_OFFSETS, STRIP_LENGTHS = 0x0111, 0x0117  # of an uncompressed thumbnail
WIDTHS, HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
ASCII, SHORT, LONG, RATIONAL, DOUBLE = 2, 3, 4, 5, 12
_CODES = {SHORT: "H", LONG: "I", RATIONAL: "II", DOUBLE: "d"}
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


def has_thumbnail(block: bytes) -> bool:
    """Whether the block has a second directory, which describes a thumbnail.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order = _order(block)
    first = _first(block, order)
    link = first + 2 + 12 * len(list(_entries(block, order, first)))
    at = struct.unpack_from(order + "I", block, link)[0] if link + 4 <= len(block) else 0
    return 8 <= at < len(block)


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


def numbers(block: bytes, tags: Container[int]) -> dict[int, tuple[float, ...]]:
    """Return the values of those of these tags that the first directory and the EXIF directory state.

    Tags of other types than SHORT, LONG, RATIONAL and DOUBLE, and those outside the block, have no values.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order = _order(block)
    return {each.tag: _numbers(block, order, each) for each in _all_entries(block, order) if each.tag in tags}


def _numbers(block: bytes, order: str, entry: _Entry) -> tuple[float, ...]:
    at, size = _place(block, order, entry)
    if entry.kind not in _CODES or at + size > len(block):
        return ()
    values = struct.unpack_from(order + _CODES[entry.kind] * entry.number, block, at)
    if entry.kind != RATIONAL:
        return values
    return tuple(above / below if below else 0.0 for above, below in zip(values[::2], values[1::2], strict=True))


def text(block: bytes, tag: int) -> bytes:
    """Return the bytes of a text in the first directory; empty if there is none.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order = _order(block)
    for entry in _entries(block, order, _first(block, order)):
        if entry.tag == tag and entry.kind == ASCII:
            at, size = _place(block, order, entry)
            return block[at : at + size]
    return b""


def interoperability(block: bytes) -> str:
    """Return the interoperability index, such as "R98" for sRGB or "R03" for Adobe RGB; "" if it is not stated.

    Raises:
        ValueError: it is not an EXIF block.
    """
    place = _index_place(block)
    return block[place : place + 3].decode("ascii", "replace") if place else ""


def with_interoperability(block: bytes, index: str) -> bytes:
    """Return the block with another interoperability index, of 3 letters, if it states one."""
    place = _index_place(block)
    return block[:place] + index.encode() + block[place + 3 :] if place else block


def _index_place(block: bytes) -> int:
    """Return where the interoperability index is; 0 if there is none of 3 letters."""
    order = _order(block)
    for entry in _all_entries(block, order):
        if entry.tag == INTEROPERABILITY_IFD:
            try:
                inner = list(_entries(block, order, _value(block, order, entry)))
            except ValueError:  # programs leave it where it was, and move the others
                return 0
            for each in inner:
                if each.tag == _INTEROPERABILITY_INDEX and each.kind == ASCII and each.number == 4:
                    return each.at
    return 0


def with_numbers(block: bytes, changes: Mapping[int, tuple[float, ...]]) -> bytes:
    """Return the block with other values for tags that it states, of which there must be as many as before.

    Raises:
        ValueError: it is not an EXIF block, or a value cannot be stored in the tag's type.
    """
    order, changed = _order(block), bytearray(block)
    for entry in _all_entries(block, order):
        if entry.tag not in changes:
            continue
        values = changes[entry.tag]
        if len(_numbers(block, order, entry)) != len(values):
            raise ValueError(f"tag {entry.tag} has another number of values")
        flat = [part for value in values for part in _stored(value, entry.kind)]
        try:
            struct.pack_into(order + _CODES[entry.kind] * len(values), changed, _place(block, order, entry)[0], *flat)
        except struct.error as error:
            raise ValueError(f"tag {entry.tag}: {error}") from error
    return bytes(changed)


def without(block: bytes, tags: Container[int]) -> bytes:
    """Return the block without some tags of the first directory and the EXIF directory. Offsets stay valid.

    Raises:
        ValueError: it is not an EXIF block.
    """
    order, changed = _order(block), bytearray(block)
    first = _first(block, order)
    for start in (first, *(_value(block, order, e) for e in _entries(block, order, first) if e.tag == EXIF_IFD)):
        entries = list(_entries(block, order, start))
        kept = [entry for entry in entries if entry.tag not in tags]
        for entry in entries:
            if entry.tag in tags:
                at, size = _place(block, order, entry)
                changed[at : at + size] = bytes(len(changed[at : at + size]))
        end = start + 2 + 12 * len(entries)
        rows = b"".join(bytes(changed[entry.at - 8 : entry.at + 4]) for entry in kept) + block[end : end + 4]
        changed[start : end + 4] = (struct.pack(order + "H", len(kept)) + rows).ljust(end + 4 - start, b"\0")
    return bytes(changed[: len(block)])


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


def _place(block: bytes, order: str, entry: _Entry) -> tuple[int, int]:
    """Return the offset and size of an entry's values, which may be outside the block."""
    sizes = {SHORT: 2, LONG: 4, RATIONAL: 8, DOUBLE: 8, 8: 2, 9: 4, 10: 8, 11: 4, 13: 4}
    size = sizes.get(entry.kind, 1) * entry.number
    return (entry.at if size <= 4 else int(struct.unpack_from(order + "I", block, entry.at)[0])), size


def _stored(value: float, kind: int) -> tuple[float, ...]:
    if kind == DOUBLE:
        return (value,)
    if kind != RATIONAL:
        return (round(value),)
    below = max(1, min(10_000, int(0xFFFFFFFF // max(abs(value), 1))))
    return round(value * below), below


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
        stated = {entry.tag: _value(block, order, entry) for entry in _entries(block, order, at) if entry.number == 1}
    except ValueError:
        return
    for offset, length in ((THUMBNAIL_OFFSET, THUMBNAIL_LENGTH), (STRIP_OFFSETS, STRIP_LENGTHS)):
        start, size = stated.get(offset, 0), stated.get(length, 0)
        if start < 8 or size < 1 or start + size > len(block):
            continue
        if start + size == len(block):
            del changed[start:]
        else:
            changed[start : start + size] = bytes(size)
