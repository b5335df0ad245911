"""Boxes of AVIF and HEIF files (ISO/IEC 14496-12, 23008-12): where coded pictures are, their transforms and colours."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from img2imgkit.images.affine import Affine

MAX_META = 1 << 20  # larger descriptions are not read whole; those of grids have some kilobytes
MAX_BOXES = 64  # before the description
_CODED = (b"av01", b"hvc1")
_ENDLESS, _LARGE = 0, 1
_ROW = struct.Struct(">HHHII")  # of an item with one extent, in a box of locations
_TURNS, _MIRRORS = (1, 8, 3, 6), (4, 2)  # by the values of irot and imir: the same as an EXIF orientation


class Box(NamedTuple):
    """A box: its type, and the offsets of its payload in the data that contain it."""

    kind: bytes
    start: int
    end: int


class Description(NamedTuple):
    """What the ``meta`` box states.

    Attributes:
        extents: offset and length of every piece of a coded picture in the file
        numbers: primaries, transfer, matrix (ITU-T H.273) and full range of the main picture, or None if not stated
    """

    extents: tuple[tuple[int, int], ...]
    numbers: tuple[int, int, int, bool] | None


def describe(file: BinaryIO) -> Description:
    """Read the description of a file; empty if it has none that can be understood."""
    try:
        return _described(_meta(file))
    except (struct.error, LookupError, ValueError):
        return Description((), None)


def transform(file: BinaryIO) -> tuple[Affine, tuple[int, int]] | None:
    """Return where decoders move the coded pixels of the main picture, and the width and height of these.

    Decoders crop, turn and mirror as the file states.

    None if the description cannot be understood.
    """
    try:
        meta = _meta(file)
        _, own = _properties(meta, {box.kind: box for box in boxes(meta)})
        return _transform(meta, own)
    except (struct.error, LookupError, ValueError, ZeroDivisionError):
        return None


def with_numbers(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return an encoded file that states other primaries and transfer in all of its ``nclx`` boxes.

    They take precedence over those in the coded pictures (ISO/IEC 23000-22, 7.3.6.4).
    """
    head = b"colrnclx"
    pieces = data.split(head)
    return head.join((pieces[0], *(struct.pack(">HH", primaries, transfer) + piece[4:] for piece in pieces[1:])))


def with_coded_pictures(data: bytes, source: bytes) -> bytes:
    """Return an encoded file with the coded pictures of another, item by item, and the matrix of its colours.

    Both must be as libavif writes them: each item has one extent, and the last box contains all extents.

    Raises:
        ValueError: they are not.
    """
    new = {row[0]: source[row[3] : row[3] + row[4]] for row in _rows(source)}
    at, content = next(box.start for box in boxes(data) if box.kind == b"mdat"), bytearray()
    head, coded = bytearray(data[:at]), {row[0] for row in _rows(data, only_coded=True)}
    if coded != {row[0] for row in _rows(source, only_coded=True)}:
        raise ValueError("the two AVIF files have different coded pictures")
    place = _inside(data, b"iloc").start + 8
    for number, (item, reference, count, offset, length) in enumerate(_rows(data)):
        piece = new[item] if item in coded else data[offset : offset + length]
        _ROW.pack_into(head, place + number * _ROW.size, item, reference, count, at + len(content), len(piece))
        content += piece
    struct.pack_into(">I", head, at - 8, 8 + len(content))
    for kind, first, size in ((b"av1C", 0, 4), (b"colr", 8, 3)):  # of nclx, matrix and range
        ours, theirs = (_starts_of(file, kind) for file in (data, source))
        for to, of in zip(ours, theirs, strict=True):
            head[to + first : to + first + size] = source[of + first : of + first + size]
    return bytes(head + content)


def _inside(data: bytes, kind: bytes) -> Box:
    """Return a box of the ``meta`` box. Raises ValueError."""
    meta = next((box for box in boxes(data) if box.kind == b"meta"), Box(b"meta", 0, 0))
    found = next((box for box in boxes(data, meta.start + 4, meta.end) if box.kind == kind), None)
    if found is None:
        raise ValueError(f"the AVIF file has no {kind.decode()} box")
    return found


def _rows(data: bytes, only_coded: bool = False) -> list[tuple[int, ...]]:
    """Return item, data reference, number of extents, offset and length of all items. Raises ValueError."""
    box = _inside(data, b"iloc")
    rows = list(_ROW.iter_unpack(data[box.start + 8 : box.end]))
    if data[box.start : box.start + 6] != b"\0\0\0\0\x44\0" or any(row[2] != 1 for row in rows):
        raise ValueError("the AVIF file states the places of its items in an unknown way")
    coded = set(_coded_items(data, _inside(data, b"iinf")))
    return [row for row in rows if not only_coded or row[0] in coded]


def _starts_of(data: bytes, kind: bytes) -> list[int]:
    """Return where the properties of a kind begin; of colours, those in numbers."""
    outer = _inside(data, b"iprp")
    inner = next(box for box in boxes(data, outer.start, outer.end) if box.kind == b"ipco")
    found = [box.start for box in boxes(data, inner.start, inner.end) if box.kind == kind]
    return [start for start in found if kind != b"colr" or data[start : start + 4] == b"nclx"]


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes in a range of the data; one that is too long ends with the range."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == _LARGE:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = end if size == _ENDLESS else min(start + max(size, head), end)
        yield Box(kind, start + head, stop)
        start = stop


def _meta(file: BinaryIO) -> bytes:
    """Return the payload of the file's first ``meta`` box after version and flags."""
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        start = 8
        if size == _LARGE:
            size, start = struct.unpack_from(">Q", head, 8)[0], 16
        if kind == b"meta":
            file.seek(at + start + 4)
            return file.read(min(size - start - 4, MAX_META) if size else MAX_META)
        if size < start:
            raise ValueError("the rest of the file is one box, or it is damaged")
        at += size
    raise ValueError("there is no description among the first boxes")


def _described(meta: bytes) -> Description:
    inside = {box.kind: box for box in boxes(meta)}
    coded = set(_coded_items(meta, inside[b"iinf"]))
    extents = tuple(place for item, place in _extents(meta, inside[b"iloc"]) if item in coded)
    return Description(extents, _numbers(meta, inside) if b"iprp" in inside and b"pitm" in inside else None)


def _coded_items(meta: bytes, box: Box) -> Iterator[int]:
    start = box.start + (6 if meta[box.start] == 0 else 8)
    for entry in boxes(meta, start, box.end):
        wide = meta[entry.start] >= 3
        number = int.from_bytes(meta[entry.start + 4 : entry.start + (8 if wide else 6)], "big")
        at = entry.start + (10 if wide else 8)
        if meta[at : at + 4] in _CODED:
            yield number


def _extents(meta: bytes, box: Box) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield item and place of the extents that are stated as offsets in the file."""
    version, sizes = meta[box.start], int.from_bytes(meta[box.start + 4 : box.start + 6], "big")
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    if offset_size + length_size == 0:
        raise ValueError("the locations have no size")
    at, wide = box.start + 6, 4 if version == 2 else 2

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > box.end:
            raise ValueError("the box of locations is cut off")
        return int.from_bytes(meta[at - size : at], "big")

    for _ in range(number(wide)):
        item = number(wide)
        construction = number(2) & 15 if version else 0
        number(2)  # the data reference
        base = number(base_size)
        for _ in range(number(2)):
            if version:
                number(index_size)
            offset, length = number(offset_size), number(length_size)
            if construction == 0:
                yield item, (base + offset, length)


def _numbers(meta: bytes, inside: dict[bytes, Box]) -> tuple[int, int, int, bool] | None:
    """Return the main picture's ``nclx`` colours; those of a grid's only colours if it states none itself."""
    every, own = _properties(meta, inside)
    stated = {
        box: _nclx(meta, box) for box in every if box.kind == b"colr" and meta[box.start : box.start + 4] == b"nclx"
    }
    different = {stated[box] for box in own if box in stated} or set(stated.values())
    return different.pop() if len(different) == 1 else None


def _properties(meta: bytes, inside: dict[bytes, Box]) -> tuple[list[Box], list[Box]]:
    """Return the properties of all items, and those of the main picture, in the order in which they apply."""
    main, properties = inside[b"pitm"], inside[b"iprp"]
    item = int.from_bytes(meta[main.start + 4 : main.start + (6 if meta[main.start] == 0 else 8)], "big")
    parts = {box.kind: box for box in boxes(meta, properties.start, properties.end)}
    every = list(boxes(meta, parts[b"ipco"].start, parts[b"ipco"].end))
    numbers = _associated(meta, parts[b"ipma"], item)
    return every, [every[number - 1] for number in numbers if 0 < number <= len(every)]


def _transform(meta: bytes, properties: list[Box]) -> tuple[Affine, tuple[int, int]]:
    """Combine the transforms among the properties of a picture (ISO/IEC 23008-12, 6.5.9 to 6.5.12)."""
    [size, *_] = [struct.unpack_from(">II", meta, box.start + 4) for box in properties if box.kind == b"ispe"]
    whole, stored = Affine(), size
    for box in properties:
        if box.kind == b"clap":
            width, w, height, h, right, r, down, d = struct.unpack_from(">IIIIiIiI", meta, box.start)
            middle = (size[0] / 2 + right / r, size[1] / 2 + down / d)
            size = (round(width / w), round(height / h))
            whole = whole.then(Affine.shift(round(size[0] / 2 - middle[0]), round(size[1] / 2 - middle[1])))
        elif box.kind in (b"irot", b"imir"):
            orientation = _TURNS[meta[box.start] & 3] if box.kind == b"irot" else _MIRRORS[meta[box.start] & 1]
            whole = whole.then(Affine.turn(orientation, *size))
            size = size[::-1] if orientation >= 5 else size
    return whole, stored


def _nclx(meta: bytes, box: Box) -> tuple[int, int, int, bool]:
    primaries, transfer, matrix, full = struct.unpack_from(">HHHB", meta, box.start + 4)
    return primaries, transfer, matrix, bool(full & 0x80)


def _associated(meta: bytes, box: Box, item: int) -> Iterator[int]:
    """Yield the indices of an item's properties, from 1."""
    version, wide_index = meta[box.start], meta[box.start + 3] & 1
    id_size, at = (2 if version == 0 else 4), box.start + 8
    for _ in range(int.from_bytes(meta[box.start + 4 : box.start + 8], "big")):
        number, count = int.from_bytes(meta[at : at + id_size], "big"), meta[at + id_size]
        at += id_size + 1
        for _ in range(count):
            if number == item:
                yield int.from_bytes(meta[at : at + 2], "big") & 0x7FFF if wide_index else meta[at] & 0x7F
            at += 1 + wide_index
