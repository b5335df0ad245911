"""Write TIFF files of all colour spaces and depths: baseline tags, strips, deflate with horizontal differencing."""

from __future__ import annotations

import struct
import zlib
from typing import Literal

import numpy as np
from PIL import TiffImagePlugin

from img2imgkit.images.picture import Space

Compression = Literal["deflate", "lzw", "none"]
STRIP_BYTES = 1 << 18
_PHOTOMETRIC = {"grey": 1, "rgb": 2, "palette": 3, "cmyk": 5}
_SCHEME = {"none": 1, "lzw": 5, "deflate": 8}
_UNASSOCIATED_ALPHA = 2


def write(
    pixels: np.ndarray,
    space: Space | Literal["palette"],
    tags: TiffImagePlugin.ImageFileDirectory_v2,
    *,
    bits: int,
    alpha: bool,
    compression: Compression = "deflate",
    level: int = 6,
) -> bytes:
    """Return the bytes of a TIFF file.

    Args:
        tags: all tags except those of the layout, which are added here

    Shapes:
        pixels: (H, W, C), uint8 or uint16, alpha last; for ``bits=1`` (H, W, 1) of 0 and 255

    Raises:
        ValueError: the file would exceed 4 GiB.
    """
    height, width, channels = pixels.shape
    per_row = (width + 7) // 8 if bits == 1 else width * channels * bits // 8
    rows = max(1, STRIP_BYTES // per_row)
    predictor = bits > 1 and space != "palette" and compression != "none"
    strips = [_packed(pixels[top : top + rows], bits, predictor, compression, level) for top in range(0, height, rows)]
    starts = np.cumsum([0] + [len(strip) for strip in strips]).tolist()
    if starts[-1] > 0xFFFFFFFF - (64 << 20):
        raise ValueError("it would exceed 4 GiB, the limit of TIFF files")
    tags[256], tags[257] = width, height
    tags[258] = (bits,) * channels
    tags[259], tags[262] = _SCHEME[compression], _PHOTOMETRIC[space]
    tags[273], tags[279] = tuple(starts[:-1]), tuple(len(strip) for strip in strips)
    tags.tagtype[273] = tags.tagtype[279] = 4  # LONG: SHORT, the default for small values, cannot be moved later
    tags[277], tags[278], tags[284] = channels, min(rows, height), 1
    if predictor:
        tags[317] = 2
    if alpha:
        tags[338] = _UNASSOCIATED_ALPHA
    return b"II*\0" + struct.pack("<I", 8) + tags.tobytes(8) + b"".join(strips)


def _packed(rows: np.ndarray, bits: int, predictor: bool, compression: Compression, level: int) -> bytes:
    if bits == 1:
        data = np.packbits(rows[..., 0] > 127, axis=1).tobytes()
    elif predictor:
        steps = rows.copy()
        steps[:, 1:] -= rows[:, :-1]  # wraps around, as the predictor requires
        data = steps.astype(steps.dtype.newbyteorder("<"), copy=False).tobytes()
    else:
        data = rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
    if compression == "deflate":
        return zlib.compress(data, level)
    if compression == "lzw":
        import imagecodecs

        return bytes(imagecodecs.lzw_encode(data))
    return data
