"""The pages of a TIFF file: which one is its picture, and what the others are (TIFF 6.0; TIFF Technical Note 1)."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO, NamedTuple

from img2imgkit.errors import DecodeError

_KIND, _OLD_KIND, _SUBS = 254, 255, 330  # NewSubfileType, SubfileType, SubIFDs
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_DEPTH_MAP = 8  # in DNG files, and only alone
_CODES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_TAGS = 4096  # of a page
MAX_WORK = 1 << 18  # tags and SubIFDs of all pages that are read; pages beyond are not counted


class Layout(NamedTuple):
    """Byte order and field sizes of a classic TIFF or BigTIFF file."""

    order: str
    big: bool
    first: int  # the offset of the first page

    @property
    def link(self) -> str:
        """The format of an offset."""
        return self.order + ("Q" if self.big else "I")


class Directory(NamedTuple):
    """A page: its place, number of tags, kind (NewSubfileType), own pages (SubIFDs), and the next page's place."""

    offset: int
    tags: int
    kind: int
    subs: tuple[int, ...]
    following: int

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture of its own: not a smaller copy, a mask or a map of another."""
        return not self.kind & (_REDUCED | _MASK) and self.kind != _DEPTH_MAP


class Pages(NamedTuple):
    """The offset of the directory of the main picture, and how many other pages of each sort there are."""

    main: int
    pictures: int = 0
    copies: int = 0
    masks: int = 0
    depth_maps: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out if only the main picture is read."""
        masks = ("the transparency mask was left out",) if self.masks else ()
        maps = ("the depth map was left out",) if self.depth_maps else ()
        return (*further_pictures(self.pictures), *smaller_copies(self.copies), *masks, *maps)


def further_pictures(count: int) -> tuple[str, ...]:
    """Return the note on pictures and frames besides the one that is read."""
    return (f"further pages or frames in the file were left out: {count}",) if count > 0 else ()


def smaller_copies(count: int) -> tuple[str, ...]:
    """Return the note on previews and the levels of a pyramid."""
    return (f"smaller copies of the picture were left out: {count}",) if count > 0 else ()


def states_pages(description: bytes) -> bool:
    """Whether an ImageDescription is a program's own, of the file's pages and their sizes: tifffile, ImageJ, OME."""
    return description.startswith((b'{"shape":', b"ImageJ=")) or b"<OME " in description[:1000]


def layout(file: BinaryIO) -> Layout:
    """Read the header of a file. Raises DecodeError if it is cut off."""
    file.seek(0)
    head = file.read(16)
    order, big = "<" if head.startswith(b"II") else ">", head[2:4] in (b"+\0", b"\0+")
    if len(head) < (16 if big else 8):
        raise DecodeError("is damaged: its TIFF header is cut off")
    return Layout(order, big, struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0])


def pages(file: BinaryIO) -> Pages:
    """Find the main picture: the first page that is neither a smaller copy nor a mask, else the first such SubIFD.

    A file without one has its first page as main picture. Directories after a damaged one are not counted.

    Raises:
        DecodeError: there is no page.
    """
    shape = layout(file)
    chain, subs = _walked(file, shape)
    if not chain:
        raise DecodeError("is damaged: its first TIFF page cannot be read")
    main = next((page for page in (*chain, *subs) if page.is_picture), chain[0])
    others = [page for page in (*chain, *subs) if page.offset != main.offset]
    masks = sum(bool(page.kind & _MASK) for page in others)
    maps = sum(page.kind == _DEPTH_MAP for page in others)
    pictures = sum(page.is_picture for page in others)
    return Pages(main.offset, pictures, len(others) - pictures - masks - maps, masks, maps)


def main_first(file: BinaryIO, offset: int) -> BinaryIO:
    """Return the file with the page at this offset as its first."""
    shape = layout(file)
    if offset == shape.first:
        return file
    return io.BufferedReader(_Patched(file, 8 if shape.big else 4, struct.pack(shape.link, offset)))


def _walked(file: BinaryIO, shape: Layout) -> tuple[list[Directory], list[Directory]]:
    """Return the pages of the chain, and their SubIFDs. Each offset is visited once, so that loops end."""
    chain, subs, seen = list[Directory](), list[Directory](), {0}
    offset, left = shape.first, MAX_WORK
    while offset not in seen and left > 0:
        seen.add(offset)
        page = _directory(file, shape, offset)
        if page is None:
            break
        chain.append(page)
        left -= page.tags + len(page.subs)
        for sub in page.subs:
            if sub not in seen and left > 0 and (inner := _directory(file, shape, sub)):
                subs.append(inner)
                left -= inner.tags
            seen.add(sub)
        offset = page.following
    return chain, subs


def _directory(file: BinaryIO, shape: Layout, offset: int) -> Directory | None:
    """Read a directory; None if it is damaged."""
    head, row = shape.order + ("Q" if shape.big else "H"), shape.order + ("HHQ8s" if shape.big else "HHI4s")
    try:
        file.seek(offset)
        count = struct.unpack(head, file.read(struct.calcsize(head)))[0]
        if not 1 <= count <= _MAX_TAGS:
            return None
        rows, link = file.read(count * struct.calcsize(row)), file.read(struct.calcsize(shape.link))
        entries = {tag: entry for tag, *entry in struct.iter_unpack(row, rows)}
        kind = _values(file, shape, entries.get(_KIND))
        if not kind and _values(file, shape, entries.get(_OLD_KIND)) == (2,):
            kind = (_REDUCED,)
        following = struct.unpack(shape.link, link)[0] if len(link) == struct.calcsize(shape.link) else 0
        return Directory(offset, count, kind[0] if kind else 0, _values(file, shape, entries.get(_SUBS)), following)
    except (struct.error, OSError, ValueError, OverflowError):
        return None


def _values(file: BinaryIO, shape: Layout, entry: list[Any] | None) -> tuple[int, ...]:
    """Return the integers of an entry, at most MAX_WORK of them; none if it has another type."""
    if entry is None or entry[0] not in _CODES:
        return ()
    kind, number, value = entry
    code = shape.order + _CODES[kind] * min(number, MAX_WORK)
    size = struct.calcsize(code)
    if size > len(value):
        file.seek(struct.unpack(shape.link, value)[0])
        value = file.read(size)
    return struct.unpack(code, value[:size])


class _Patched(io.RawIOBase):
    """A file with a few other bytes at one place."""

    def __init__(self, file: BinaryIO, at: int, patch: bytes) -> None:
        self._file, self._at, self._patch, self._position = file, at, patch, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence == 1:
            offset, whence = offset + self._position, 0
        self._position = self._file.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        self._file.seek(self._position)
        data = bytearray(self._file.read(len(buffer)))
        for place, byte in enumerate(self._patch, self._at - self._position):
            if 0 <= place < len(data):
                data[place] = byte
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
