"""Colours that are stated as numbers instead of by a profile: PNG's cICP, gAMA and cHRM, nclx of AVIF and HEIF.

Metadata keep them as PNG's chunks. nclx becomes cICP; both use the code points of ITU-T H.273. What other headers state
becomes gAMA and cHRM (``colour_headers``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import imagecodecs
import numpy as np

from img2imgkit.images.picture import Metadata, Space

Points = tuple[tuple[float, float], ...]  # x and y of white, red, green and blue
Chunks = tuple[tuple[bytes, bytes], ...]

CICP = b"cICP"
D65 = (0.3127, 0.3290)
_BT709: Points = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_SMPTE170: Points = (D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_BT2020: Points = (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_P3_CORNERS: Points = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
# H.273, table 2. 2 means "unspecified", for which sRGB is assumed.
_PRIMARIES: Mapping[int, tuple[str, Points]] = {
    1: ("sRGB", _BT709),
    2: ("sRGB", _BT709),
    4: ("NTSC 1953", ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: ("PAL", (D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: ("SMPTE 170M", _SMPTE170),
    7: ("SMPTE 170M", _SMPTE170),
    9: ("BT.2020", _BT2020),
    11: ("DCI-P3", ((0.314, 0.351), *_P3_CORNERS)),
    12: ("Display P3", (D65, *_P3_CORNERS)),
}
# White and primaries, and the exponent of light.
ADOBE_RGB: tuple[Points, float] = ((D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), 563 / 256)  # Adobe RGB (1998), 4.3
ROMM_RGB: tuple[Points, float] = (  # ISO 22028-2, but for the line near black, below 0.2 % of white
    ((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)),
    1.8,
)
_KNOWN = {"Adobe RGB (1998)": ADOBE_RGB, "ROMM RGB": ROMM_RGB}
_UNSPECIFIED, _SRGB, _PQ, _HLG = 2, 13, 16, 18
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_BT709_CURVES = (1, 6, 14, 15)
_SRGB_GAMMA = range(44000, 47001)  # gAMA of files for sRGB, with the rounding of their programs
_WHITE = 203.0  # cd/m2 of a white page in HDR pictures (ITU-R BT.2408, 5.1)
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2


@dataclass(frozen=True)
class Colours:
    """The meaning of levels.

    Attributes:
        name: such as "Display P3", or what it is that is not known
        points: the chromaticities of white and primaries
        to_light: maps levels in [0, 1] to relative linear light; for HDR 1 is a white page, and more is possible;
            None: not known
        hdr: "PQ" or "HLG", or ""
    """

    name: str
    points: Points
    to_light: Callable[[np.ndarray], np.ndarray] | None
    hdr: str = ""


def chunk(primaries: int, transfer: int) -> tuple[bytes, bytes] | None:
    """Return the cICP chunk of RGB pixels of full range, or None for numbers that mean sRGB."""
    if primaries in (1, _UNSPECIFIED) and transfer in (_SRGB, _UNSPECIFIED):
        return None
    return (CICP, bytes((primaries, transfer, 0, 1))) if max(primaries, transfer) < 256 else None


def chunks(points: Points | None, gamma: float | None) -> Chunks:
    """Return the gAMA and cHRM chunks of white, primaries and the exponent of light; none for numbers that mean sRGB.

    Args:
        points: None: those of sRGB
        gamma: None: the curve of sRGB

    Raises:
        ValueError: the chunks cannot state them.
    """
    if gamma is not None and not 0.1 <= gamma <= 10:
        raise ValueError(f"gamma {gamma}")
    gama = b"" if gamma is None else struct.pack(">I", round(100_000 / gamma))
    chrm = b""
    if points is not None:
        values = [round(value * 100_000) for point in points for value in point]
        if not all(0 <= value < 1 << 31 for value in values):
            raise ValueError("negative chromaticities")
        chrm = struct.pack(">8I", *values)
        if _usable(chrm) is None:
            raise ValueError("impossible chromaticities")
    found = ((b"gAMA", gama), (b"cHRM", chrm))
    return tuple((name, data) for name, data in found if data) if _of_gamma(gama, chrm) else ()


def numbers(metadata: Metadata) -> tuple[int, int] | None:
    """Return the primaries and transfer of a picture with a cICP chunk."""
    data = dict(metadata.colour_chunks).get(CICP, b"")
    return (data[0], data[1]) if len(data) == 4 else None


def stated(metadata: Metadata) -> Colours | None:
    """Return the colours that the numbers state, in PNG's order of precedence; None if they are sRGB or not stated."""
    if (found := numbers(metadata)) is not None:
        return _of_numbers(*found) if chunk(*found) else None
    chunks = dict(metadata.colour_chunks)
    if metadata.icc is not None or b"sRGB" in chunks:
        return None
    return _of_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def profile(colours: Colours, space: Space) -> bytes | None:
    """Return the ICC profile of colours; None for HDR, for what is not known, and for CMYK."""
    if colours.hdr or colours.to_light is None or space == "cmyk":
        return None
    curve = colours.to_light(np.linspace(0, 1, 1024))
    return _profile(space, colours.points, np.round(curve * 65535).astype(np.uint16).tobytes())


def hdr_to_srgb(color: np.ndarray, colours: Colours) -> np.ndarray:
    """Convert HDR levels to sRGB, with white pages as white; what is brighter or more saturated is clipped.

    Shapes:
        color: (H, W, 1 or 3), uint8 or uint16 -> the same
    """
    assert colours.to_light is not None
    top = np.iinfo(color.dtype).max
    light = colours.to_light(np.arange(top + 1) / top).astype(np.float32)
    matrix = (np.linalg.inv(_to_xyz(_BT709)) @ _to_xyz(colours.points)).astype(np.float32)
    converted = np.empty_like(color)
    for row, levels in enumerate(color):  # by rows: float pixels of a whole picture would need much memory
        linear = light[levels]
        if colours.hdr == "HLG":
            linear = _displayed(linear, colours.points)
        linear = linear @ matrix.T if color.shape[2] == 3 else linear
        converted[row] = np.round(_srgb_level(np.clip(linear, 0, 1)) * top)
    return converted


def _of_numbers(primaries: int, transfer: int) -> Colours:
    if primaries not in _PRIMARIES:
        return Colours(f"primaries {primaries}", _BT709, None)
    name, points = _PRIMARIES[primaries]
    curve, to_light = _curve(transfer)
    return Colours(name + curve, points, to_light, {_PQ: "PQ", _HLG: "HLG"}.get(transfer, ""))


def _curve(transfer: int) -> tuple[str, Callable[[np.ndarray], np.ndarray] | None]:
    """Return the name and the function of a transfer (H.273, table 3)."""
    named = {_PQ: (" with PQ", _pq_light), _HLG: (" with HLG", _hlg_light)}
    named |= dict.fromkeys((_SRGB, _UNSPECIFIED), ("", srgb_light))
    named |= dict.fromkeys(_BT709_CURVES, (" with the curve of BT.709", _bt709_light))
    if transfer in _GAMMAS:
        gamma = _GAMMAS[transfer]
        return f" with gamma {gamma}", _power(gamma)
    return named.get(transfer, (f" with transfer {transfer}", None))


def _power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda level: level**exponent


def _of_gamma(gama: bytes, chrm: bytes) -> Colours | None:
    points, gamma = _chromaticities(chrm), int.from_bytes(gama, "big") if len(gama) == 4 else 0
    has_srgb_points = np.allclose(points, _BT709, atol=0.002)
    if has_srgb_points and (not gamma or gamma in _SRGB_GAMMA):
        return None
    exponent = 100_000 / gamma if gamma else 0.0
    for name, (known_points, known_exponent) in _KNOWN.items():
        if np.allclose(points, known_points, atol=0.002) and abs(exponent - known_exponent) < 0.005:
            return Colours(name, known_points, _power(known_exponent))
    where = "sRGB's primaries" if has_srgb_points else "primaries of its own"
    if not gamma:
        return Colours(where, points, srgb_light)
    known = 0.1 <= exponent <= 10
    return Colours(f"{where} with gamma {exponent:.4g}", points, _power(exponent) if known else None)


def _chromaticities(chrm: bytes) -> Points:
    return _usable(chrm) or _BT709


def _usable(chrm: bytes) -> Points | None:
    """Return the chromaticities of a chunk; None if there are none, or they are impossible."""
    if len(chrm) != 32:
        return None
    values = [value / 100_000 for value in struct.unpack(">8I", chrm)]
    points = tuple(zip(values[::2], values[1::2], strict=True))
    usable = all(0 < x < 1 and 0 < y < 1 and x + y <= 1 for x, y in points)
    return points if usable and abs(np.linalg.det(_columns(points[1:]))) > 1e-3 else None


def _columns(points: Points) -> np.ndarray:
    return np.array([[x / y, 1, (1 - x - y) / y] for x, y in points]).T


def _to_xyz(points: Points) -> np.ndarray:
    """Return the matrix from linear RGB to XYZ, with white at Y = 1 (SMPTE RP 177)."""
    corners = _columns(points[1:])
    return corners * np.linalg.solve(corners, _columns(points[:1])[:, 0])


def srgb_light(level: np.ndarray) -> np.ndarray:
    """Return the relative light of sRGB levels from 0 to 1 (IEC 61966-2-1)."""
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def _srgb_level(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _bt709_light(level: np.ndarray) -> np.ndarray:
    return np.where(level < 0.081, level / 4.5, ((level + 0.099) / 1.099) ** (1 / 0.45))


def _pq_light(level: np.ndarray) -> np.ndarray:
    """Return light relative to a white page (SMPTE ST 2084)."""
    power = level ** (1 / 78.84375)
    light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return light * (10_000 / _WHITE)


def _hlg_light(level: np.ndarray) -> np.ndarray:
    """Return the light of the scene, 1 at the peak (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)


def _displayed(scene: np.ndarray, points: Points) -> np.ndarray:
    """Apply the HLG display's transfer of (W, C) light, and make it relative to a white page."""
    brightness = scene @ _to_xyz(points)[1].astype(np.float32) if scene.shape[1] == 3 else scene[:, 0]
    return scene * (brightness[:, None] ** (_HLG_GAMMA - 1)) * (_HLG_PEAK / _WHITE)


@cache
def _profile(space: Space, points: Points, curve: bytes) -> bytes:
    white, *corners = ([x, y, 1.0] for x, y in points)
    table = np.frombuffer(curve, np.uint16).astype(np.float32) / 65535
    if space == "grey":
        made = imagecodecs.cms_profile("gray", whitepoint=white, transferfunction=table)
    else:
        made = imagecodecs.cms_profile(
            "rgb", whitepoint=white, primaries=[value for corner in corners for value in corner], transferfunction=table
        )
    dated = bytearray(made)
    dated[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # otherwise now: equal pictures would be unequal files
    return bytes(dated)
