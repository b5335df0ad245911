"""The tags of TIFF files as EXIF blocks, and back.

Those of BigTIFF files become those of classic TIFF first: Pillow does not read them in big-endian files.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, TiffImagePlugin

from img2imgkit.errors import DecodeError
from img2imgkit.images import exif_block, georeference, tiff_pages

ICC_TAG, XMP_TAG, IPTC_TAG, GPS_IFD = 34675, 700, 33723, 0x8825
RESOLUTION_TAGS = (282, 283, 296)
# Tags of a TIFF file that describe the storage of its pixels rather than the picture.
LAYOUT_TAGS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291}
    | {292, 293, 297, 301, 317, 320, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, IPTC_TAG, 34377, 37724, ICC_TAG, XMP_TAG}
)
_NESTED = (exif_block.EXIF_IFD, GPS_IFD, exif_block.INTEROPERABILITY_IFD)
_PLACES = frozenset({273, 279, 324, 325, 330, 37724})  # of pixels; large

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NARROW = {16: ("Q", "I", 4), 17: ("q", "i", 9), 18: ("Q", "I", 4)}  # types of 8 bytes, and those of 4 bytes
_LONG, _UNDEFINED = 4, 7
_MAX_TAGS, _MAX_BYTES, _MAX_DEPTH = 4096, 64 << 20, 2


def first_tags(file: BinaryIO, notes: list[str]) -> Image.Exif:
    """Copy the first page's tags, including EXIF and GPS, of a classic TIFF or BigTIFF file into a separate block."""
    stated, shape = Image.Exif(), tiff_pages.layout(file)
    if shape.big:
        block = _Block(file, shape.order, shape.first, _NESTED, _PLACES)
        stated.load(block.data)
        notes += [f"left out: damaged or large TIFF tags: {', '.join(map(str, block.lost))}"] if block.lost else []
    else:
        stated.endian = shape.order
        stated.load_from_fp(file, shape.first)
    tags = Image.Exif()
    for tag, value in stated.items():
        if tag not in (exif_block.EXIF_IFD, GPS_IFD):
            tags[tag] = value
    for directory in (exif_block.EXIF_IFD, GPS_IFD):
        if nested := stated.get_ifd(directory):
            tags.get_ifd(directory).update(_with_interoperability(nested, stated))
    return tags


def add_missing(tags: Image.Exif, others: Image.Exif) -> None:
    """Add tags of another page, except those of its own pixels."""
    pixels = {*LAYOUT_TAGS, *RESOLUTION_TAGS, *georeference.TAGS, *georeference.KEY_TAGS, 270}
    for tag, value in others.items():
        if tag not in tags and tag not in pixels:
            tags[tag] = value
    for directory in (exif_block.EXIF_IFD, GPS_IFD):
        if nested := others.get_ifd(directory):
            tags.get_ifd(directory).update({**nested, **tags.get_ifd(directory)})


def block_of(tags: Image.Exif, notes: list[str]) -> bytes | None:
    """Return tags as an EXIF block, without those whose values are not of their type; they are noted."""
    lost: list[int] = []
    if not _is_block(tags):
        for directory in (exif_block.EXIF_IFD, GPS_IFD):
            nested = tags.get_ifd(directory)
            for tag in [tag for tag, value in nested.items() if not _is_block({tag: value})]:
                del nested[tag]
                lost.append(tag)
        for tag in [tag for tag, value in tags.items() if not _is_block({tag: value})]:
            del tags[tag]
            lost.append(tag)
    notes += [f"left out: TIFF tags whose values are not of their type: {', '.join(map(str, lost))}"] if lost else []
    return tags.tobytes().removeprefix(b"Exif\0\0") if len(tags) else None


def _is_block(tags: Mapping[int, Any]) -> bool:
    """Whether Pillow can write tags."""
    if not isinstance(tags, Image.Exif):
        values, tags = tags, Image.Exif()
        for tag, value in values.items():
            tags[tag] = value
    try:
        tags.tobytes()
    except Exception:  # AttributeError, struct.error and others, by the type of the value
        return False
    return True


def of_exif(exif: bytes) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Convert an EXIF block to TIFF tags: the first directory, with the EXIF and GPS directories nested."""
    source = Image.Exif()
    source.load(exif)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in source.items():
        if tag not in LAYOUT_TAGS and tag not in (exif_block.EXIF_IFD, GPS_IFD):
            tags[tag] = value
    for directory in (exif_block.EXIF_IFD, GPS_IFD):
        nested = source.get_ifd(directory)
        if nested:
            tags[directory] = _with_interoperability(nested, source)
    return tags


def _with_interoperability(nested: Mapping[int, Any], source: Image.Exif) -> dict[int, Any]:
    """Return an EXIF directory with that of interoperability inside; Pillow would keep its place in the file."""
    inner = source.get_ifd(exif_block.INTEROPERABILITY_IFD) if exif_block.INTEROPERABILITY_IFD in nested else {}
    kept = {tag: value for tag, value in nested.items() if tag != exif_block.INTEROPERABILITY_IFD}
    return {**kept, exif_block.INTEROPERABILITY_IFD: dict(inner)} if inner else kept


class _Tag(NamedTuple):
    tag: int
    kind: int
    number: int
    value: bytes


class _Block:
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

    def _directory(self, at: int, start: int, depth: int = 0) -> bytes:
        """Return a directory that begins at ``start`` of a block, followed by the values of its tags."""
        tags = list(self._tags(at))
        place = start + 2 + 12 * len(tags) + 4
        rows, values = struct.pack(self._order + "H", len(tags)), bytearray()
        for tag, kind, count, value in tags:
            outer = value if len(value) > 4 else b""
            if tag in self._nested and depth < _MAX_DEPTH:
                inner = int.from_bytes(value, "little" if self._order == "<" else "big")
                kind, count, outer = _LONG, 1, self._directory(inner, place + len(values), depth + 1)  # noqa: PLW2901
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
