"""Damage that decoders do not notice: zeros in coded data, as failing disks and broken transfers leave them.

Coded data are nearly random: a long run of zeros in them is damage, unless a codec writes flat areas as zeros.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from img2imgkit.images import heif_boxes, jpeg_xl_header, webp_chunks, zeroed
from img2imgkit.images.webp_chunks import Chunk
from img2imgkit.images.zeroed import Coding, Silent

MAX_MISSING = 256 << 20
_JP2_MARGIN = 384  # arithmetic coding of regular patterns has runs of up to 251 zeros
_JP2_TOLERANCE = 3  # levels
_JXL_GROUP = 256  # pixels
_WEBP_TAIL = 6  # bytes at the end of coded data, more than a coder's padding
_MASKS = (0xFF, 0x55, 0xAA)  # one alone may change only what is clipped


def silent(file: BinaryIO, format: str) -> Silent:
    """Return what is damaged or suspicious in the coded data of a file that was decoded without an error."""
    checks: dict[str, Callable[[bytes, BinaryIO], Silent]] = {
        "AVIF": _heif,
        "HEIF": _heif,
        "WEBP": _webp,
        "JPEG2000": _jp2,
        "JPEGXL": _jpeg_xl,
    }
    check = checks.get(format)
    if check is None:
        return Silent()
    file.seek(0)
    return check(file.read(), file)


def padded(file: BinaryIO) -> io.BytesIO | None:
    """Return a truncated WebP or AVIF file with zeros up to the length that it states; None if nothing is missing."""
    file.seek(0)
    data = file.read()
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        stated = webp_chunks.stated_end(file)
    elif data[4:8] == b"ftyp":
        stated = max((sum(place) for place in heif_boxes.describe(file).extents), default=0)
    else:
        return None
    return io.BytesIO(data.ljust(stated, b"\0")) if len(data) < stated <= len(data) + MAX_MISSING else None


def _longest(data: bytes, places: Iterable[tuple[int, int]]) -> int:
    return max((stretch.length for stretch in zeroed.stretches(data, places)), default=0)


def _said(zeros: int) -> str:
    return f"{zeros} bytes of its coded data are zeros" if zeros else ""


def _heif(data: bytes, file: BinaryIO) -> Silent:
    """AV1 adapts its probabilities, and HEVC avoids three zeros in a row: neither writes such a run."""
    extents = heif_boxes.describe(file).extents
    return Silent(_said(_longest(data, [(start, start + length) for start, length in extents])))


def _webp(data: bytes, file: BinaryIO) -> Silent:
    """Both codecs of WebP can write flat areas as zeros. After zeros that are damage, they seldom read to the end."""
    chunks = webp_chunks.first_frame(file)
    found = list(zeroed.stretches(data, ((chunk.start, chunk.end) for chunk in chunks)))
    if not found or _is_plain(data):
        return Silent()
    if any(_is_unread(data, end) for end in _webp_ends(data, chunks)):
        return Silent(_said(max(stretch.length for stretch in found)))
    lossless = [(chunk.start, chunk.end) for chunk in chunks if chunk.name != b"VP8 "]
    return Silent("", zeroed.suspicion(data, zeroed.stretches(data, lossless), _by_pillow, Coding()))


def _webp_ends(data: bytes, chunks: tuple[Chunk, ...]) -> Iterator[int]:
    """Yield the ends of coded data: of each chunk, and of a lossy frame's first partition (RFC 6386, 9.1)."""
    for name, start, end in chunks:
        yield end
        if name == b"VP8 ":
            yield start + 10 + (int.from_bytes(data[start : start + 3], "little") >> 5)


def _by_pillow(data: bytes) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels.reshape(*pixels.shape[:2], -1)


def _is_unread(data: bytes, end: int) -> bool:
    """Whether the picture stays the same when the last bytes before ``end`` change."""
    changed = (bytes(byte ^ mask for byte in data[end - _WEBP_TAIL : end]) for mask in _MASKS)
    return all(_same_picture(data, data[: end - _WEBP_TAIL] + other + data[end:]) for other in changed)


def _is_plain(data: bytes) -> bool:
    """Whether the picture has one colour only, as no damage leaves it."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return bool((pixels == pixels[:1, :1]).all())


def _same_picture(data: bytes, other: bytes) -> bool:
    try:
        first, second = (np.asarray(Image.open(io.BytesIO(each))) for each in (data, other))
    except Exception:  # the changed data were read
        return False
    return np.array_equal(first, second)


def _jp2(data: bytes, file: BinaryIO) -> Silent:
    """A packet without data is a zero byte, so that flat areas are zeros where a file has many layers or precincts."""
    start = data.find(b"\xff\x93")
    found = list(zeroed.stretches(data, [(start, len(data))])) if start >= 0 else []
    zeros = max((stretch.length for stretch in found), default=0)
    if zeros >= _JP2_MARGIN and zeros >= _JP2_MARGIN + _jp2_packets(data):
        return Silent(_said(zeros))
    return Silent("", zeroed.suspicion(data, found, _by_pillow, Coding(None, tolerance=_JP2_TOLERANCE)))


def _jpeg_xl(data: bytes, file: BinaryIO) -> Silent:
    """Damage of most codings is an error; that of prefix codes, which fast lossless encoders write, is none."""
    found = zeroed.stretches(data, jpeg_xl_header.codestream(file))
    return Silent("", zeroed.suspicion(data, found, _by_libjxl, Coding(group=_JXL_GROUP)))


def _by_libjxl(data: bytes) -> np.ndarray:
    import imagecodecs

    pixels = imagecodecs.jpegxl_decode(data)
    pixels = pixels[0] if pixels.ndim == 4 else pixels
    return np.asarray(pixels.reshape(*pixels.shape[:2], -1))


def _jp2_packets(data: bytes) -> int:
    """Return the largest number of packets that a tile can have."""
    siz, cod = data.find(b"\xff\x4f\xff\x51") + 2, data.find(b"\xff\x52")
    width, height, left, top, tile_width, tile_height = (
        int.from_bytes(data[siz + 6 + 4 * i : siz + 10 + 4 * i], "big") for i in range(6)
    )
    components = int.from_bytes(data[siz + 38 : siz + 40], "big")
    style, layers, levels = data[cod + 4], int.from_bytes(data[cod + 6 : cod + 8], "big"), data[cod + 9]
    width, height = min(tile_width, width - left), min(tile_height, height - top)
    precincts = 0
    for resolution in range(levels + 1):
        exponents = data[cod + 14 + resolution] if style & 1 else 0xFF
        across, down = width >> (levels - resolution), height >> (levels - resolution)
        precincts += ((across >> (exponents & 15)) + 2) * ((down >> (exponents >> 4)) + 2) if style & 1 else 1
    return components * layers * precincts
