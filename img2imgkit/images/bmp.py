"""Write BMP files with alpha, using header version 5, which states a mask for each channel."""

from __future__ import annotations

import struct

import numpy as np

_HEADER = 124
_BITFIELDS = 3
_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_SRGB = b"BGRs"


def write(pixels: np.ndarray, dpi: tuple[float, float] | None) -> bytes:
    """Return the bytes of a BMP file.

    Shapes:
        pixels: (H, W, 4), uint8: red, green, blue, alpha
    """
    height, width, _ = pixels.shape
    data = np.ascontiguousarray(pixels[::-1, :, [2, 1, 0, 3]]).tobytes()
    across, down = (round(dots / 0.0254) for dots in dpi or (96, 96))
    offset = 14 + _HEADER
    info = struct.pack(
        "<IiiHHIIiiII", _HEADER, width, height, 1, 32, _BITFIELDS, len(data), across, down, 0, 0
    ) + struct.pack("<4I4s", *_MASKS, _SRGB)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info.ljust(_HEADER, b"\0") + data
