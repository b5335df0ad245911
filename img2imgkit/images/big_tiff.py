"""The tags of BigTIFF files as those of classic TIFF: Pillow does not read those of big-endian files."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple

from img2imgkit.errors import DecodeError

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NARROW = {16: ("Q", "I", 4), 17: ("q", "i", 9), 18: ("Q", "I", 4)}  # types of 8 bytes, and those of 4 bytes
_LONG, _UNDEFINED = 4, 7
_MAX_TAGS, _MAX_BYTES = 4096, 64 << 20


class _Tag(NamedTuple):
    tag: int
    kind: int
    number: int
    value: bytes


class Block:
    """A directory of a BigTIFF file as a classic TIFF block, in the same byte order.

    Args:
        order: "<" or ">"
        at: the place of the directory in the file
        nested: tags that state the places of further directories, such as EXIF
        unread: tags that are kept without their values, which are large, such as those of the places of pixels

    Attributes:
        data: the block
        lost: the tags that it has not, because they are outside the file or too large

    Raises:
        DecodeError: the directory, or a nested one, is damaged.
    """

    def __init__(self, file: BinaryIO, order: str, at: int, nested: Container[int], unread: Container[int]) -> None:
        self.lost: list[int] = []
        self._file, self._order, self._nested, self._unread = file, order, nested, unread
        self._left, self._end = _MAX_BYTES, file.seek(0, 2)
        head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
        self.data = head + self._directory(at, len(head))

    def _directory(self, at: int, start: int, is_inner: bool = False) -> bytes:
        """Return a directory that begins at ``start`` of a block, followed by the values of its tags."""
        tags = list(self._tags(at))
        place = start + 2 + 12 * len(tags) + 4
        rows, values = struct.pack(self._order + "H", len(tags)), bytearray()
        for tag, kind, count, value in tags:
            outer = value if len(value) > 4 else b""
            if tag in self._nested and not is_inner:
                inner = int.from_bytes(value, "little" if self._order == "<" else "big")
                kind, count, outer = _LONG, 1, self._directory(inner, place + len(values), is_inner=True)  # noqa: PLW2901
            where = struct.pack(self._order + "I", place + len(values)) if outer else value.ljust(4, b"\0")
            rows += struct.pack(self._order + "HHI", tag, kind, count) + where
            values += outer + bytes(len(outer) % 2)
        return rows + bytes(4) + bytes(values)

    def _tags(self, at: int) -> Iterator[_Tag]:
        """Yield the tags of a directory, but none of unknown types."""
        self._file.seek(min(at, self._end))
        number = struct.unpack(self._order + "Q", self._file.read(8).ljust(8, b"\xff"))[0]
        rows = self._file.read(20 * min(number, _MAX_TAGS))
        if len(rows) < 20 * number:
            raise DecodeError("a BigTIFF directory is cut off")
        for tag, kind, count, field in struct.iter_unpack(self._order + "HHQ8s", rows):
            if tag in self._unread:
                yield _Tag(tag, _UNDEFINED, 1, b"\0")
            elif kind in _SIZES and count:
                found = self._tag(tag, kind, count, field)
                self.lost += [] if found else [tag]
                yield from [found] if found else []

    def _tag(self, tag: int, kind: int, count: int, field: bytes) -> _Tag | None:
        """Return a tag with its value; None if that is outside the file or too large."""
        size = _SIZES[kind] * count
        if size > self._left:
            return None
        value = field[:size]
        if size > len(field):
            self._file.seek(min(struct.unpack(self._order + "Q", field)[0], self._end))
            value = self._file.read(size)
        self._left -= size
        if len(value) < size:
            return None
        if kind not in _NARROW or tag in self._nested:
            return _Tag(tag, kind, count, value)
        wide, small, new = _NARROW[kind]
        numbers = struct.unpack(f"{self._order}{count}{wide}", value)
        if any(not -(1 << 31) <= each < 1 << (31 if wide == "q" else 32) for each in numbers):
            return None
        return _Tag(tag, new, count, struct.pack(f"{self._order}{count}{small}", *numbers))
