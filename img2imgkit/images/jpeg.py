"""Read the pixels of JPEG files, and tell whether the decoder had to invent some of them.

libjpeg goes on after damage and only counts its warnings; simplejpeg passes on the first of them. Some warnings concern
the header alone, and some damage causes no warning at all: both are decided here, by ITU-T T.81.
"""

from __future__ import annotations

import io
import re
from typing import NamedTuple

import numpy as np
import simplejpeg

from img2imgkit.errors import DecodeError
from img2imgkit.images import zeroed
from img2imgkit.images.jpeg_segments import (
    APP0,
    APP14,
    DHT,
    DQT,
    EOI,
    FRAMES,
    PROGRESSIVE,
    SOS,
    Segment,
    marker_after,
    segments,
)
from img2imgkit.images.picture import Space
from img2imgkit.images.zeroed import Silent

END_MISSING = "the end marker of the JPEG is missing"
UNCHECKED = "only zeros could be looked for in this JPEG's data, not other damage"
PROGRESSIVE_ZERO_RUN = 448  # bytes; progressive scans of regular patterns have runs of up to 140
_MOST_ZEROS = 8  # one byte of so many in a scan of lowest bits
_TOLERANCE = 3  # levels by which blocks of one pattern differ
_READ_AHEAD = 9  # bytes that the decoder may hold beyond those of the last pixel
_END = b"\xff\xd9"
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_COLOURS: dict[Space, str] = {"grey": "GRAY", "rgb": "RGB", "cmyk": "CMYK"}
_CHANNELS: dict[Space, int] = {"grey": 1, "rgb": 3, "cmyk": 4}


class JpegPixels(NamedTuple):
    """Pixels (H, W, C) uint8, CMYK as stored; what was damaged, or ""; notes on what departs from the standard."""

    color: np.ndarray
    damage: str
    notes: tuple[str, ...]


class _Scan(NamedTuple):
    """A scan: its components with their AC tables, its band of coefficients, its lowest bit, and where its data are.

    ``cell`` is the width and height in pixels of what it codes in turn, which has ``blocks`` blocks; ``is_refined``
    states that it has further bits of coefficients.
    """

    components: tuple[tuple[int, int], ...]
    band: tuple[int, int]
    low: int
    start: int
    end: int
    flat_tables: frozenset[int]  # AC tables whose code of zeros ends blocks, so that flat areas are zeros
    cell: tuple[int, int]
    blocks: int
    is_refined: bool


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
    if pixels is None:
        pixels = _lenient(data, colour)
    pixels = pixels.reshape(*pixels.shape[:2], _CHANNELS[space])
    silent = Silent(warning) if warning else _silent(data, colour, pixels)
    notes += silent.notes
    if silent.damage:
        notes = tuple(note for note in notes if note != END_MISSING)
    return JpegPixels(pixels, silent.damage, notes)


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


def _with_standard_header(data: bytes) -> bytes:
    """Return the file without stray bytes between the header's segments, and with values that libjpeg does not know
    replaced by those that it assumes for them."""
    kept, sequential = [b"\xff\xd8"], True
    for segment in segments(io.BytesIO(data)):
        code, payload = segment.code, segment.payload
        if code == EOI:
            break
        if code in FRAMES:
            sequential = code not in PROGRESSIVE
        if code == APP0 and payload.startswith(b"JFIF\0"):
            payload = payload[:5] + b"\1\1" + payload[7:]
        elif code == APP14 and payload.startswith(b"Adobe") and len(payload) >= 12 and payload[11] > 2:
            payload = payload[:11] + b"\1" + payload[12:]
        elif code == SOS and sequential:
            payload = payload[:-3] + b"\0\x3f\0"
        kept.append(bytes((0xFF, code)) + (len(payload) + 2).to_bytes(2, "big") + payload)
        if code == SOS:
            return b"".join((*kept, data[segment.end :]))
    return data


def _is_padding(data: bytes, warning: str) -> bool:
    """Whether the surplus bytes before the end marker are zeros that were added, not data that was zeroed."""
    found = _EXTRANEOUS.search(warning)
    end = next((segment.start for segment in segments(io.BytesIO(data)) if segment.code == EOI), None)
    if found is None or end is None:
        return False
    zeros = end - len(data[:end].rstrip(b"\0"))
    return -1 <= zeros - int(found[1]) <= _READ_AHEAD


def _silent(data: bytes, colour: str, pixels: np.ndarray) -> Silent:
    """Return what libjpeg does not warn of: missing scans, zeroed data that happen to fit, zeroed tables."""
    layout = _layout(data)
    if layout.lacks_quantizers:
        return Silent("a quantization table contains zeros")
    if _lacks_scans(layout):
        return Silent("some of its scans are missing")
    least = PROGRESSIVE_ZERO_RUN if layout.progressive else zeroed.LEAST
    found = {scan: stretches for scan in layout.scans if (stretches := _zeros(data, scan))}
    longest = max((each.length for stretches in found.values() for each in stretches), default=0)
    if longest >= least:
        return Silent(f"{longest} bytes of its coded data are zeros")
    for scan, stretches in found.items():
        coding = zeroed.Coding(scan.cell, tolerance=_TOLERANCE)
        if notes := zeroed.suspicion(data, stretches, lambda other: _lenient(other, colour), coding):
            return Silent("", notes)
    return Silent("", _zeroed_bits(data, layout, pixels))


def _zeroed_bits(data: bytes, layout: _Layout, pixels: np.ndarray) -> tuple[str, ...]:
    """Look at scans of the lowest bits of averages, one bit for each block: zeros stand for blocks of known places.

    Some pictures, such as those of two levels, have even averages only: their scans are zeros almost everywhere.
    """
    for scan in layout.scans:
        if not scan.is_refined or scan.band != (0, 0):
            continue
        coded = data[scan.start : scan.end].replace(b"\xff\0", b"\xff")
        for stretch in zeroed.stretches(coded, [(0, len(coded))]):
            first, last = (8 * at // scan.blocks for at in stretch)
            others = coded[: stretch.start] + coded[stretch.end :]
            is_code = zeroed.repeats(pixels, zeroed.between(pixels, first, last, scan.cell), _TOLERANCE)
            if not is_code and others.count(0) * _MOST_ZEROS < len(others):
                return (zeroed.note(stretch),)
    return ()


def _layout(data: bytes) -> _Layout:
    progressive, components, lacks_quantizers = False, tuple[int, ...](), False
    scans: list[_Scan] = []
    flat: dict[int, bool] = {}
    sampling: dict[int, tuple[int, int]] = {}
    for segment in segments(io.BytesIO(data)):
        if scans:
            scans[-1] = scans[-1]._replace(end=segment.start)
        if segment.code in FRAMES:
            progressive = segment.code in PROGRESSIVE
            components = tuple(segment.payload[6::3])
            factors = ((each >> 4 or 1, each & 15 or 1) for each in segment.payload[7::3])
            sampling = dict(zip(components, factors, strict=False))
        elif segment.code == DHT:
            flat |= _flat_tables(segment.payload)
        elif segment.code == DQT:
            lacks_quantizers |= _has_zero_quantizer(segment.payload)
        elif segment.code == SOS and len(segment.payload) >= 6:
            scans.append(_scan(segment, flat, sampling, len(data)))
            if not progressive and len(scans[0].components) == len(components):
                break  # the only scan; looking for its end would read all of its data
    return _Layout(progressive, components, tuple(scans), lacks_quantizers)


def _scan(segment: Segment, flat: dict[int, bool], sampling: dict[int, tuple[int, int]], end: int) -> _Scan:
    count = segment.payload[0]
    stated = segment.payload[1 : 1 + 2 * count]
    first, last, bits = segment.payload[-3:]
    components = tuple((component, tables & 15) for component, tables in zip(stated[::2], stated[1::2], strict=False))
    flat_tables = frozenset(table for table, is_flat in flat.items() if is_flat)
    factors = [sampling.get(component, (1, 1)) for component, _ in components]
    most = [max((each[axis] for each in sampling.values()), default=1) for axis in (0, 1)]
    own = factors[0] if len(factors) == 1 else (1, 1)  # a block, or a minimum coded unit (T.81, A.2)
    blocks = 1 if len(factors) == 1 else sum(across * down for across, down in factors)
    cell = 8 * most[0] // own[0], 8 * most[1] // own[1]
    return _Scan(components, (first, last), bits & 15, segment.end, end, flat_tables, cell, blocks, bits > 15)


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


def _zeros(data: bytes, scan: _Scan) -> list[zeroed.Stretch]:
    """Return the stretches of zeros in a scan, unless they are the code of flat blocks."""
    only_averages = scan.band[1] == 0
    if only_averages or all(table in scan.flat_tables for _, table in scan.components):
        return []
    if data.find(bytes(zeroed.LEAST), scan.start, scan.end) < 0:  # much faster than looking for the end of the scan
        return []
    after = marker_after(io.BytesIO(data), scan.start)
    return list(zeroed.stretches(data, [(scan.start, after[1] if after else scan.end)]))
