"""What a file holds besides its picture and is not read: gain maps, films, depth maps, previews, further pictures.

Only the picture is written, so XMP that describes the others is removed, and each is noted.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import ImageFile

from img2imgkit.images import jpeg_segments, webp_chunks
from img2imgkit.images.tiff_pages import further_pictures, smaller_copies
from img2imgkit.images.xmp import XMLNS, Packet, Property, as_utf8

GAIN_MAP, FILM, DEPTH_MAP = "the gain map was left out", "the motion film was left out", "the depth map was left out"
THUMBNAIL, LAYERS = "the thumbnail was left out", "Photoshop's layers were left out"
CREDENTIALS = "the content credentials (C2PA) were left out"  # they prove the bytes of the original only
GEOREFERENCE = "the georeference of the JPEG 2000 file was left out"
_GOOGLE = "http://ns.google.com/photos/"
_CONTAINER, _ITEM = f"{_GOOGLE}1.0/container/", f"{_GOOGLE}1.0/container/item/"
_NAMESPACES = {  # all their properties are removed
    "http://ns.adobe.com/hdr-gain-map/1.0/": GAIN_MAP,
    "http://ns.apple.com/HDRGainMap/1.0/": GAIN_MAP,
    f"{_GOOGLE}1.0/depthmap/": DEPTH_MAP,
    f"{_GOOGLE}1.0/image/": "a copy of the picture before its effects was left out",
    f"{_GOOGLE}1.0/audio/": "the sound was left out",
    f"{_GOOGLE}dd/1.0/device/": DEPTH_MAP,
    _CONTAINER: "",
}
_PROPERTIES = {  # only those whose names begin so are removed
    f"{_GOOGLE}1.0/camera/": (("MicroVideo", "MotionPhoto"), FILM),
    "http://ns.adobe.com/xmp/note/": (("HasExtendedXMP",), "extended XMP data were left out"),
    "http://ns.adobe.com/xap/1.0/": (("Thumbnails",), THUMBNAIL),
}
_SEMANTICS = {"GainMap": GAIN_MAP, "MotionPhoto": FILM, "Depth": DEPTH_MAP}
_GAIN_MAP_MARKS = (b"hdrgm:", b"urn:iso:std:iso:ts:21496:-1", b"aux:hdrgainmap")
_DEPTH_MARKS = (b"aux:depth", b"aux:disparity", b":auxiliary:depth")
_FILM_MARKS = (
    b"MotionPhoto_Data",
    b"ftypmp4",
    b"ftypisom",
    b"ftypiso",
    b"ftypqt  ",
    b"ftypMSNV",
    b"ftyp3g",
    b"ftypavc",
)
_UUIDS = {
    bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"): GEOREFERENCE,  # GeoJP2
    bytes.fromhex("96a9f1f1dc98402da7aed68e34451809"): GEOREFERENCE,  # MrSID's world file
    bytes.fromhex("d8fec3d61b0e483c92975828877ec481"): CREDENTIALS,
}
_MAX_PARTS = 256
_MAX_BYTES = 256 << 20  # that are searched
_PADDING = b"\0\xff \r\n"
_GIF_IMAGE, _GIF_BLOCKS = 0x2C, (0x21, 0x2C)


def clean_xmp(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return an XMP packet without properties of what is not read, and notes on what they described.

    Raises:
        ValueError: it seems to have such properties, and is damaged.
    """
    text = as_utf8(data)
    names = (*_NAMESPACES, *(name for names, _ in _PROPERTIES.values() for name in names))
    if not _has_any(text, tuple(name.encode() for name in names)):
        return data, ()
    packet = Packet(text)
    gone, notes = list[Property](), list[str]()
    for each in packet.properties:
        prefixes, note = _PROPERTIES.get(each.namespace, ((), ""))
        if each.namespace in _NAMESPACES or each.name.startswith(prefixes):
            gone.append(each)
            notes.append(_NAMESPACES.get(each.namespace, note))
        elif each.namespace == XMLNS and (each.text in _NAMESPACES or each.text == _ITEM):
            gone.append(each)
        elif each.namespace == _ITEM and each.name == "Semantic":
            notes.append(_SEMANTICS.get(each.text, ""))
    return packet.edited((), gone) if gone else data, tuple(dict.fromkeys(filter(None, notes)))


def of(file: BinaryIO, image: ImageFile.ImageFile, format: str) -> tuple[str, ...]:
    """Return notes on what a file that Pillow has opened holds besides its picture."""
    if format == "JPEG":
        return in_jpeg(file)
    if format == "PSD":
        return (LAYERS,) if _frames(image) > 1 else ()
    if format in ("ICO", "ICNS"):
        return smaller_copies(len(image.info.get("sizes", ())) - 1)
    inside = in_bmff(file) if format in ("AVIF", "JPEG2000") else ()
    ends = {"WEBP": webp_chunks.stated_end, "GIF": gif_end}
    rest = after(file, ends[format](file)) if format in ends else ()
    return (*further_pictures(_frames(image) - 1), *inside, *rest)


def _frames(image: ImageFile.ImageFile) -> int:
    """Return the number of frames, pages or layers."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # a later picture is damaged; the first may be intact
        image.seek(0)
        return 2


class _Jpeg(NamedTuple):
    """A JPEG stream inside a file: where it ends, its headers, its width and height."""

    end: int
    head: bytes
    size: tuple[int, int]


def in_jpeg(file: BinaryIO) -> tuple[str, ...]:
    """Return notes on what follows the picture in a JPEG file."""
    main = _stream(file, 0)
    if main is None:
        return ()
    file.seek(0)
    data = file.read(_MAX_BYTES)
    film = _film(data, main.end)
    parts = list(_following(io.BytesIO(data), data, main.end, film))
    notes = [*_in_head(main.head), *_sorted(main, parts)]
    if film < len(data):
        notes.append(FILM)
    else:
        notes += _rest(file, parts[-1].end if parts else main.end)
    return tuple(dict.fromkeys(notes))


def after(file: BinaryIO, end: int) -> tuple[str, ...]:
    """Return notes on what follows the end of a picture of another format than JPEG."""
    file.seek(end)
    data = file.read(_MAX_BYTES)
    return (FILM,) if _film(data, 0) < len(data) else _rest(file, end)


def gif_end(file: BinaryIO) -> int:
    """Return the offset after the trailer of a GIF (GIF89a, 27); that of the end of the file if it has none."""
    file.seek(0)
    data = file.read(_MAX_BYTES)
    at = 13 + _gif_table(data, 10)
    while at < len(data) and data[at] in _GIF_BLOCKS:
        at += 11 + _gif_table(data, at + 9) if data[at] == _GIF_IMAGE else 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return at + 1 if data[at : at + 1] == b";" else file.seek(0, 2)


def _gif_table(data: bytes, flags: int) -> int:
    """Return the size of the colour table that the flags at an offset state."""
    stated = data[flags] if flags < len(data) else 0
    return 3 << (stated & 7) + 1 if stated & 0x80 else 0


def _film(data: bytes, start: int) -> int:
    """Return where a motion film begins; the length of the data if there is none."""
    return min((at for mark in _FILM_MARKS if (at := data.find(mark, start)) >= 0), default=len(data))


def _rest(file: BinaryIO, end: int) -> tuple[str, ...]:
    file.seek(end)
    if not file.read(_MAX_BYTES).strip(_PADDING):
        return ()
    return (f"bytes after the picture's end were left out: {file.seek(0, 2) - end:,}",)


def _in_head(head: bytes) -> Iterator[str]:
    """Yield notes on the segments of a JPEG that are not read."""
    is_jfif = head[2:4] == b"\xff\xe0" and head[6:11] == b"JFIF\0"
    if (is_jfif and len(head) > 20 and all(head[18:20])) or b"JFXX\0" in head[:256]:
        yield THUMBNAIL
    if b"jumdc2pa" in head:
        yield CREDENTIALS


def _following(file: BinaryIO, data: bytes, end: int, stop: int) -> Iterator[_Jpeg]:
    for _ in range(_MAX_PARTS):
        start = data.find(b"\xff\xd8\xff", end, stop)
        part = _stream(file, start) if start >= 0 else None
        if part is None:
            return
        yield part
        end = part.end


def _sorted(main: _Jpeg, parts: list[_Jpeg]) -> Iterator[str]:
    gain_maps = [part for part in parts if _has_any(part.head, _GAIN_MAP_MARKS)]
    depth_maps = [part for part in parts if _has_any(part.head, _DEPTH_MARKS)]
    others = [part for part in parts if part not in gain_maps and part not in depth_maps]
    if _has_any(main.head, _GAIN_MAP_MARKS):
        yield GAIN_MAP
        others = others if gain_maps else others[1:]
    elif gain_maps:
        yield GAIN_MAP
    if depth_maps:
        yield DEPTH_MAP
    copies = sum(_is_copy(part.size, main.size) for part in others)
    yield from smaller_copies(copies)
    yield from further_pictures(len(others) - copies)


def _is_copy(size: tuple[int, int], of: tuple[int, int]) -> bool:
    """Whether a picture is smaller than another, and of the same aspect ratio to within a pixel."""
    return 0 < size[0] < of[0] and abs(size[0] * of[1] - size[1] * of[0]) <= max(of)


def _has_any(data: bytes, marks: tuple[bytes, ...]) -> bool:
    return any(mark in data for mark in marks)


def _stream(file: BinaryIO, start: int) -> _Jpeg | None:
    """Follow the segments of a JPEG stream to its end; None if it has none."""
    size, head = (0, 0), 0
    for segment in jpeg_segments.segments(file, start):
        if segment.code == jpeg_segments.EOI:
            file.seek(start)
            return _Jpeg(segment.end, file.read((head or segment.end) - start), size)
        if segment.code in jpeg_segments.FRAMES:
            size = jpeg_segments.size(segment)
        head = head or (segment.start if segment.code == jpeg_segments.SOS else 0)
    return None


def in_bmff(file: BinaryIO) -> tuple[str, ...]:
    """Return notes on what an AVIF, HEIF or JPEG 2000 file holds besides its picture and its frames."""
    notes = []
    for name, start, size in _boxes(file):
        if name == b"mpvd":
            notes.append(FILM)
        elif name == b"uuid":
            file.seek(start)
            notes += filter(None, [_UUIDS.get(file.read(16))])
        elif name == b"asoc":
            file.seek(start)
            notes += [GEOREFERENCE] if b"gml.data" in file.read(min(size, 256)) else []
        elif name == b"meta":
            file.seek(start)
            content = file.read(min(size, 1 << 20))
            is_gain_map = re.search(rb"infe.{8,12}tmap", content, re.DOTALL)
            notes += [GAIN_MAP] if is_gain_map or _has_any(content, _GAIN_MAP_MARKS) else []
            notes += [DEPTH_MAP] if _has_any(content, _DEPTH_MARKS) else []
            notes += [THUMBNAIL] if content.find(b"thmb", content.find(b"iref")) > content.find(b"iref") > 0 else []
    return tuple(dict.fromkeys(notes))


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and size of the content of each outermost box."""
    at = 0
    for _ in range(_MAX_PARTS):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        long = size == 1 and len(head) == 16
        size = struct.unpack_from(">Q", head, 8)[0] if long else size
        start = at + (16 if long else 8)
        if size < start - at:  # 0: to the end of the file
            yield name, start, 1 << 62
            return
        yield name, start, size - (start - at)
        at += size
