"""Colours that EXIF, TIFF tags, BMP and JPEG 2000 headers state, as PNG's chunks; see ``colour_numbers``."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images import colour_numbers, exif_block, heif_boxes
from img2imgkit.images.colour_numbers import ADOBE_RGB, D65, ROMM_RGB, Chunks, Points

WHITE_POINT, PRIMARIES, TRANSFER_FUNCTION, TRANSFER_RANGE = 318, 319, 301, 342
COLOUR_SPACE, GAMMA = 0xA001, 0xA500
_EXIF_SRGB, _EXIF_ADOBE, _UNCALIBRATED = 1, 2, 0xFFFF  # 2 is not standard, but means only this
_TIFF_GAMMA = 2.2  # TIFF 6.0, TransferFunction: the default
_UNUSABLE = "its colours were taken as those of sRGB: the numbers that state them are not usable"
_BMP_V4, _BMP_V5 = 108, 124
_BMP_SPACE, _BMP_ENDPOINTS, _BMP_GAMMAS, _BMP_PROFILE = 56, 60, 96, 112  # from the start of the header after "BM"
_CALIBRATED, _EMBEDDED, _LINKED = b"\0\0\0\0", b"DEBM", b"KNIL"
_JP2_BOXES, _JP2_HEADER = 64, 16 << 20
_ENUMERATED, _CODE_POINTS, _PROFILES = 1, 5, (2, 3)  # methods of a colr box (ITU-T T.801, M.11.7.3)
# Enumerated colours (M.5). The decoders convert sYCC to sRGB.
_CMYK, _SRGB, _GREY, _SYCC, _ROMM = 12, 16, 17, 18, 21
_NOT_SUPPORTED = {
    **{0: "bi-level", 1: "YCbCr(1)", 3: "YCbCr(2)", 4: "YCbCr(3)", 9: "PhotoYCC", 11: "CMY", 13: "YCCK"},
    **{14: "CIELab", 15: "bi-level(2)", 19: "CIEJab", 20: "e-sRGB", 22: "YPbPr(1125/60)", 23: "YPbPr(1250/50)"},
    **{24: "e-sYCC"},
}


class Stated(NamedTuple):
    """What a header states: numbers as chunks (none if they mean sRGB), a profile, and notes on what is not usable."""

    chunks: Chunks = ()
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


def of_exif(block: bytes, gamma: float | None = None) -> Stated:
    """Return the colours of an EXIF block: Adobe RGB by its interoperability index, or white and primaries.

    Args:
        gamma: that of the file, if it states one elsewhere

    Raises:
        ValueError: it is not an EXIF block.
    """
    stated = exif_block.numbers(block, {COLOUR_SPACE, GAMMA, WHITE_POINT, PRIMARIES})
    space = next(iter(stated.get(COLOUR_SPACE, ())), None)
    is_adobe = space == _UNCALIBRATED and exif_block.interoperability(block) == "R03"
    if space == _EXIF_SRGB:
        return Stated()
    if space == _EXIF_ADOBE or is_adobe:
        return Stated(colour_numbers.chunks(*ADOBE_RGB))
    white, corners = stated.get(WHITE_POINT, ()), stated.get(PRIMARIES, ())
    gamma = gamma or next(iter(stated.get(GAMMA, ())), None)
    if len(corners) != 6:
        found = _checked(None, gamma)
        is_other = len(white) == 2 and not np.allclose(white, D65, atol=0.002)
        note = f"its white point was not used, since it states no primaries: {white}"
        return found._replace(notes=(*found.notes, note)) if is_other else found
    points = ((white[0], white[1]) if len(white) == 2 else D65, corners[:2], corners[2:4], corners[4:])
    return _checked(points, gamma or _TIFF_GAMMA)


def as_srgb(block: bytes) -> bytes:
    """Return an EXIF block that states sRGB wherever it stated other colours. Raises ValueError if it is none."""
    block = exif_block.without(block, {GAMMA, WHITE_POINT, PRIMARIES, TRANSFER_FUNCTION})
    if exif_block.numbers(block, {COLOUR_SPACE}).get(COLOUR_SPACE, (_EXIF_SRGB,)) != (_EXIF_SRGB,):
        block = exif_block.with_numbers(block, {COLOUR_SPACE: (_EXIF_SRGB,)})
    return exif_block.with_interoperability(block, "R98") if exif_block.interoperability(block) == "R03" else block


def gamma_of(tags: Mapping[int, object]) -> tuple[float | None, tuple[str, ...]]:
    """Return the gamma of a TIFF file's transfer function, None if it is that of sRGB or not stated; and notes."""
    function = tags.get(TRANSFER_FUNCTION)
    if not isinstance(function, tuple) or not function:
        return None, ()
    unknown = None, ("its transfer function was not used: it is no power function",)
    count = len(function) if len(function) & (len(function) - 1) == 0 else len(function) // 3
    curves = np.array(function, float).reshape(-1, count) / 65535 if len(function) % count == 0 else np.zeros((0, 1))
    if TRANSFER_RANGE in tags or not 2 < count <= 65536 or len(curves) not in (1, 3) or np.ptp(curves, axis=0).any():
        return unknown
    levels, light = np.linspace(0, 1, count), curves[0]
    if np.abs(light - colour_numbers.srgb_light(levels)).max() < 0.002:
        return None, ()
    middle = count // 2
    gamma = float(np.log(max(light[middle], 1e-9)) / np.log(levels[middle]))
    return (gamma, ()) if np.abs(light - levels**gamma).max() < 0.002 else unknown


def of_file(file: BinaryIO, format: str) -> Stated:
    """Return the colours that the header of a BMP or JPEG 2000 file states.

    Raises:
        DecodeError: its levels are not grey, RGB, sYCC or CMYK.
    """
    reader = {"BMP": of_bmp, "JPEG2000": of_jpeg2000}.get(format)
    return reader(file) if reader else Stated()


def of_bmp(file: BinaryIO) -> Stated:
    """Return the colours of a BMP file of version 4 or 5 (BITMAPV5HEADER of Windows)."""
    file.seek(14)
    head = file.read(_BMP_V5)
    size = int.from_bytes(head[:4], "little")
    if size not in (_BMP_V4, _BMP_V5) or len(head) < size:
        return Stated()
    space = head[_BMP_SPACE : _BMP_SPACE + 4]
    if space == _EMBEDDED and size == _BMP_V5:
        at, length = struct.unpack_from("<II", head, _BMP_PROFILE)
        file.seek(14 + at)
        icc = file.read(min(length, _JP2_HEADER))
        return Stated(icc=icc) if at and length == len(icc) > 0 else Stated(notes=(_UNUSABLE,))
    if space == _LINKED:
        return Stated(notes=("its colours were taken as those of sRGB: their profile is another file",))
    return _of_endpoints(head) if space == _CALIBRATED else Stated()


def _of_endpoints(head: bytes) -> Stated:
    """Return calibrated colours: primaries in XYZ or as chromaticities, and a gamma for each channel."""
    corners = np.array(struct.unpack_from("<9i", head, _BMP_ENDPOINTS), float).reshape(3, 3) / (1 << 30)
    gammas = np.array(struct.unpack_from("<3I", head, _BMP_GAMMAS), float) / (1 << 16)
    gamma = None
    if gammas.any():
        if gammas.min() <= 0 or np.ptp(gammas) > 0.01:
            return Stated(notes=(_UNUSABLE,))
        gamma = float(gammas.mean() if gammas.mean() >= 1 else 1 / gammas.mean())  # programs write either
    if not corners.any():
        return _checked(None, gamma)
    sums = corners.sum(axis=1)
    if (sums <= 0).any():
        return Stated(notes=(_UNUSABLE,))
    whole = corners.sum(axis=0)
    white = D65 if np.allclose(sums, 1, atol=1e-3) else (whole[0] / whole.sum(), whole[1] / whole.sum())
    return _checked((white, *(corners[:, :2] / sums[:, None])), gamma)


def of_gamma(gamma: float | None) -> Stated:
    """Return colours with sRGB's primaries and this exponent of light; None: sRGB's curve."""
    return _checked(None, gamma)


def of_chromaticities(points: Sequence[Sequence[float]]) -> Stated:
    """Return colours by the chromaticities of white, red, green and blue, with levels of sRGB's curve."""
    return _checked(points, None)


def _checked(points: Sequence[Sequence[float]] | None, gamma: float | None) -> Stated:
    plain: Points | None = None if points is None else tuple((float(x), float(y)) for x, y in points)
    try:
        return Stated(colour_numbers.chunks(plain, gamma))
    except (ValueError, OverflowError):  # no numbers, or infinite ones
        return Stated(notes=(_UNUSABLE,))


def of_jpeg2000(file: BinaryIO) -> Stated:
    """Return the colours of a JP2 or JPX file by its first colr box.

    Raises:
        DecodeError: its levels are not grey, RGB, sYCC or CMYK.
    """
    for box in heif_boxes.boxes(data := _jp2_header(file)):
        if box.kind == b"colr" and box.end - box.start > 3:
            return _of_colr(data[box.start], data[box.start + 3 : box.end])
    return Stated()


def _of_colr(method: int, value: bytes) -> Stated:
    if method in _PROFILES:
        return Stated(icc=value)
    if method == _CODE_POINTS and len(value) >= 6:
        primaries, transfer, matrix = struct.unpack_from(">3H", value)
        if matrix:
            raise DecodeError(f"has JPEG 2000 colours of matrix {matrix}, which are not supported; save it as RGB")
        added = colour_numbers.chunk(primaries, transfer)
        return Stated((added,) if added else ())
    number = int.from_bytes(value[:4], "big")
    if method != _ENUMERATED or number in (_CMYK, _SRGB, _GREY, _SYCC):
        known = method == _ENUMERATED
        return Stated(
            notes=() if known else (f"its colours were taken as those of sRGB: method {method} of JPEG 2000",)
        )
    if number == _ROMM:
        return Stated(colour_numbers.chunks(*ROMM_RGB))
    name = _NOT_SUPPORTED.get(number, f"number {number}")
    raise DecodeError(f"has the JPEG 2000 colours {name}, which are not supported; save it as sRGB")


def _jp2_header(file: BinaryIO) -> bytes:
    at = 0
    for _ in range(_JP2_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or not head[4:8].isascii():
            break
        size, start = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), 16
        if head[4:8] == b"jp2h":
            file.seek(at + start)
            return file.read(min(size - start, _JP2_HEADER) if size >= start else _JP2_HEADER)
        if not start <= size < 1 << 40:
            break
        at += size
    return b""
