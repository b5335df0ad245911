"""Read the pixels of JPEG files, and tell whether the decoder had to invent some of them.

libjpeg goes on after damage and only counts its warnings; simplejpeg passes on the first of them. Some warnings concern
the header alone, and some damage causes no warning at all: both are decided here, by ITU-T T.81.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import simplejpeg

from img2imgkit.errors import DecodeError
from img2imgkit.images.picture import Space

END_MISSING = "the end marker of the JPEG is missing"
UNCHECKED = "only zeros could be looked for in this JPEG's data, not other damage"
# Bytes of zeros in a row that no picture's code contains. Progressive scans of regular patterns have runs of up to 140.
ZERO_RUN, PROGRESSIVE_ZERO_RUN = 64, 448
MAX_MARKERS = 10_000  # files with hundreds of scans or megabytes of metadata have fewer
_READ_AHEAD = 9  # bytes that the decoder may hold beyond those of the last pixel
_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # neither stuffed bytes nor restart markers
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_ZEROS = re.compile(rb"\0{%d,}" % ZERO_RUN)
_SOI, _EOI, _SOS, _DHT, _DQT, _APP0, _APP14 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xE0, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_COLOURS: dict[Space, str] = {"grey": "GRAY", "rgb": "RGB", "cmyk": "CMYK"}
_CHANNELS: dict[Space, int] = {"grey": 1, "rgb": 3, "cmyk": 4}


class JpegPixels(NamedTuple):
    """Pixels (H, W, C) uint8, CMYK as stored; what was damaged, or ""; notes on what departs from the standard."""

    color: np.ndarray
    damage: str
    notes: tuple[str, ...]


class _Marker(NamedTuple):
    code: int
    payload: bytes
    start: int
    end: int  # the offset after the payload; for a scan, of its data


class _Scan(NamedTuple):
    """A scan: its components with their AC tables, its band of coefficients, its lowest bit, and where its data are."""

    components: tuple[tuple[int, int], ...]
    band: tuple[int, int]
    low: int
    start: int
    end: int
    flat_tables: frozenset[int]  # AC tables whose code of zeros ends blocks, so that flat areas are zeros


class _Layout(NamedTuple):
    progressive: bool
    components: tuple[int, ...]
    scans: tuple[_Scan, ...]
    lacks_quantizers: bool


def read(data: bytes, space: Space) -> JpegPixels:
    """Decode a JPEG file of a known colour space.

    Raises:
        DecodeError: libjpeg cannot decode it at all.
    """
    colour, notes = _COLOURS[space], tuple[str, ...]()
    pixels, warning = _strict(data, colour)
    if warning.startswith("Premature end of JPEG file"):
        data += _END
        notes += (END_MISSING,)
        pixels, warning = _strict(data, colour)
    if warning and (tidy := _with_standard_header(data)) != data:
        notes += (f"the header of the JPEG departs from the standard: {warning}",)
        data = tidy
        pixels, warning = _strict(data, colour)
    if warning and _is_padding(data, warning):
        notes += ("the JPEG has padding before its end marker",)
        pixels, warning = _lenient(data, colour), ""
    if damage := warning or silent_damage(data):
        notes = tuple(note for note in notes if note != END_MISSING)
    if pixels is None:
        pixels = _lenient(data, colour)
    return JpegPixels(pixels.reshape(*pixels.shape[:2], _CHANNELS[space]), damage, notes)


def _strict(data: bytes, colour: str) -> tuple[np.ndarray | None, str]:
    """Return the pixels, or None and libjpeg's first warning or error."""
    try:
        return simplejpeg.decode_jpeg(data, colour), ""
    except ValueError as error:
        return None, " ".join(str(error).split())


def _lenient(data: bytes, colour: str) -> np.ndarray:
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colour, strict=False))
    except ValueError as error:
        raise DecodeError(f"is damaged: {' '.join(str(error).split())}") from error


def _markers(data: bytes) -> Iterator[_Marker]:
    """Yield the markers up to the end of the image, skipping coded data and bytes that belong to no segment.

    Raises:
        DecodeError: there are more than ``MAX_MARKERS``.
    """
    at, count = 2, 0
    while found := _MARKER.search(data, at):
        code, at, count = found[1][0], found.end(), count + 1
        if count > MAX_MARKERS:
            raise DecodeError(f"has more than {MAX_MARKERS} segments")
        if code == _EOI:
            yield _Marker(code, b"", found.start(), at)
            return
        if code in (0x01, _SOI):
            continue
        length = max(int.from_bytes(data[at : at + 2], "big"), 2)
        yield _Marker(code, data[at + 2 : at + length], found.start(), at + length)
        at += length


def _with_standard_header(data: bytes) -> bytes:
    """Return the file without stray bytes between the header's segments, and with values that libjpeg does not know
    replaced by those that it assumes for them."""
    kept, sequential = [b"\xff\xd8"], True
    for marker in _markers(data):
        code, payload = marker.code, marker.payload
        if code == _EOI:
            break
        if code in _FRAMES:
            sequential = code not in _PROGRESSIVE
        if code == _APP0 and payload.startswith(b"JFIF\0"):
            payload = payload[:5] + b"\1\1" + payload[7:]
        elif code == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12 and payload[11] > 2:
            payload = payload[:11] + b"\1" + payload[12:]
        elif code == _SOS and sequential:
            payload = payload[:-3] + b"\0\x3f\0"
        kept.append(bytes((0xFF, code)) + (len(payload) + 2).to_bytes(2, "big") + payload)
        if code == _SOS:
            return b"".join((*kept, data[marker.end :]))
    return data


def _is_padding(data: bytes, warning: str) -> bool:
    """Whether the surplus bytes before the end marker are zeros that were added, not data that was zeroed."""
    found = _EXTRANEOUS.search(warning)
    end = next((marker.start for marker in _markers(data) if marker.code == _EOI), None)
    if found is None or end is None:
        return False
    zeros = end - len(data[:end].rstrip(b"\0"))
    return -1 <= zeros - int(found[1]) <= _READ_AHEAD


def silent_damage(data: bytes) -> str:
    """Return what libjpeg does not warn of, or "": missing scans, zeroed data that happen to fit, or zeroed tables."""
    layout = _layout(data)
    if layout.lacks_quantizers:
        return "a quantization table contains zeros"
    if _lacks_scans(layout):
        return "some of its scans are missing"
    least = PROGRESSIVE_ZERO_RUN if layout.progressive else ZERO_RUN
    zeros = max((_zeros(data, scan) for scan in layout.scans), default=0)
    return f"{zeros} bytes of its coded data are zeros" if zeros >= least else ""


def _layout(data: bytes) -> _Layout:
    progressive, components, lacks_quantizers = False, tuple[int, ...](), False
    scans: list[_Scan] = []
    flat: dict[int, bool] = {}
    for marker in _markers(data):
        if scans:
            scans[-1] = scans[-1]._replace(end=marker.start)
        if marker.code in _FRAMES:
            progressive = marker.code in _PROGRESSIVE
            components = tuple(marker.payload[6::3])
        elif marker.code == _DHT:
            flat |= _flat_tables(marker.payload)
        elif marker.code == _DQT:
            lacks_quantizers |= _has_zero_quantizer(marker.payload)
        elif marker.code == _SOS and len(marker.payload) >= 6:
            scans.append(_scan(marker, flat, len(data)))
            if not progressive and len(scans[0].components) == len(components):
                break  # the only scan; looking for its end would read all of its data
    return _Layout(progressive, components, tuple(scans), lacks_quantizers)


def _scan(marker: _Marker, flat: dict[int, bool], end: int) -> _Scan:
    count = marker.payload[0]
    stated = marker.payload[1 : 1 + 2 * count]
    first, last, bits = marker.payload[-3:]
    components = tuple((component, tables & 15) for component, tables in zip(stated[::2], stated[1::2], strict=False))
    flat_tables = frozenset(table for table, is_flat in flat.items() if is_flat)
    return _Scan(components, (first, last), bits & 15, marker.end, end, flat_tables)


def _flat_tables(payload: bytes) -> dict[int, bool]:
    """Return for each AC table whether its first code, which consists of zeros (T.81, C.2), ends a block.

    A table that also has codes of several blocks (T.81, G.1.2.2) is not flat: its encoder joins flat blocks.
    """
    found: dict[int, bool] = {}
    at = 0
    while at + 17 < len(payload):
        kind, count = payload[at], sum(payload[at + 1 : at + 17])
        symbols = payload[at + 17 : at + 17 + count]
        if kind >> 4 and symbols:
            found[kind & 15] = symbols[0] == 0 and not any(symbol & 15 == 0 < symbol < 0xF0 for symbol in symbols)
        at += 17 + count
    return found


def _has_zero_quantizer(payload: bytes) -> bool:
    at = 0
    while at < len(payload):
        size = 2 if payload[at] >> 4 else 1
        table = payload[at + 1 : at + 1 + 64 * size]
        if any(not any(table[i : i + size]) for i in range(0, len(table), size)):
            return True
        at += 1 + 64 * size
    return False


def _lacks_scans(layout: _Layout) -> bool:
    """Whether the final bits of some coefficients are in no scan."""
    if not layout.progressive:
        return bool(set(layout.components) - {component for scan in layout.scans for component, _ in scan.components})
    final = {
        (component, at)
        for scan in layout.scans
        if scan.low == 0
        for component, _ in scan.components
        for at in range(scan.band[0], scan.band[1] + 1)
    }
    return len(final) < 64 * len(layout.components)


def _zeros(data: bytes, scan: _Scan) -> int:
    """Return the longest run of zeros that is not the code of flat blocks; 0 below ``ZERO_RUN``."""
    only_averages = scan.band[1] == 0
    if only_averages or all(table in scan.flat_tables for _, table in scan.components):
        return 0
    first = data.find(bytes(ZERO_RUN), scan.start, scan.end)  # much faster than the expression
    if first < 0:
        return 0
    after = _MARKER.search(data, scan.start)
    end = after.start() if after else scan.end
    return max((len(run[0]) for run in _ZEROS.finditer(data, first, end)), default=0)
