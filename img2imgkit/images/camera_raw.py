"""Develop camera raw files with LibRaw: demosaicing, the camera's white balance, sRGB with 16 bits."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from img2imgkit.images.raster import Raster

_MODE = "RGB;16"
_SRGB_CURVE = (2.4, 12.92)  # exponent, and slope near black
NOTES = ("the camera raw file was developed: sRGB, white balance of the camera", "left out: EXIF data of camera raw")


def header(file: BinaryIO) -> tuple[int, int, str]:
    """Return the upright width and height, and the mode. Nothing is decoded."""
    with _opened(file) as opened:
        width, height = opened.sizes.iwidth, opened.sizes.iheight
        return (height, width, _MODE) if opened.sizes.flip in (5, 6) else (width, height, _MODE)


def read(file: BinaryIO) -> Raster:
    """Return the developed pixels, upright. LibRaw raises its own errors if the file is damaged or unknown."""
    import rawpy

    with _opened(file) as opened:
        pixels = opened.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            gamma=_SRGB_CURVE,
        )
    return Raster(np.ascontiguousarray(pixels), None, "rgb", _MODE, NOTES)


def _opened(file: BinaryIO) -> Any:
    import rawpy

    file.seek(0)
    return rawpy.imread(file)
