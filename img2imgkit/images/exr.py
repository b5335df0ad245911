"""Read OpenEXR files. The older of OpenEXR's two interfaces is used: the newer one returns damaged parts as empty."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import Any, BinaryIO

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images.colour_headers import Stated, of_chromaticities
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.raster import Raster, split

_MULTIPART = 0x1000  # a flag of the version field
_MODES = {"Y": "I;16", "YA": "LA;16", "RGB": "RGB;16", "RGBA": "RGBA;16"}


def header(file: BinaryIO) -> tuple[int, int, str]:
    """Return the width and height of the data window of the first part, and the mode. Nothing is decoded.

    Raises:
        DecodeError: it has no channels that can be read.
    """
    with closing(_opened(file)) as opened:
        head = opened.header()
        return *_window(head["dataWindow"]), _MODES["".join(_channels(head["channels"]))]


def read(file: BinaryIO, float_levels: FloatLevels | None) -> tuple[Raster, Stated]:
    """Return the pixels of the first part, R, G and B, or Y, with A if it has it; and the colours that it states.

    Raises:
        DecodeError: it has no such channels, or its white point is not stated. OpenEXR raises OSError if it is damaged.
    """
    import Imath

    if float_levels is None:
        raise DecodeError(FloatLevels.UNSTATED)
    with closing(_opened(file)) as opened:
        head = opened.header()
        names = _channels(head["channels"])
        width, height = _window(head["dataWindow"])
        planes = opened.channels(names, Imath.PixelType(Imath.PixelType.FLOAT))
    pixels = np.stack([np.frombuffer(plane, np.float32).reshape(height, width) for plane in planes], axis=-1)
    alpha = "A" in names
    if alpha:  # colours are multiplied by it
        pixels[..., :-1] /= np.where(pixels[..., -1:] > 0, pixels[..., -1:], 1)
    levels, notes = float_levels.levels(pixels, alpha=alpha, linear=True)
    notes += _losses(file, head, names)
    mode = _MODES["".join(names)]
    if alpha:
        return split(levels, mode)._replace(notes=notes), _colours(head)
    return Raster(levels, None, "grey" if "Y" in names else "rgb", mode, notes), _colours(head)


def _opened(file: BinaryIO) -> Any:
    import OpenEXR

    file.seek(0)
    return OpenEXR.InputFile(file)


def _window(window: Any) -> tuple[int, int]:
    return window.max.x - window.min.x + 1, window.max.y - window.min.y + 1


def _channels(found: dict[str, Any]) -> list[str]:
    full = {name for name, channel in found.items() if (channel.xSampling, channel.ySampling) == (1, 1)}
    for colours in (["R", "G", "B"], ["Y"]):
        if full.issuperset(colours) and not {"RY", "BY"} & found.keys():
            return [*colours, *(["A"] if "A" in full else [])]
    raise DecodeError(f"has the channels {', '.join(sorted(found))}; R, G and B, or Y, are needed at full resolution")


def _losses(file: BinaryIO, head: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    losses = []
    if others := sorted(head["channels"].keys() - set(names)):
        losses.append(f"left out: channels: {', '.join(others)}")
    file.seek(4)
    if struct.unpack("<I", file.read(4))[0] & _MULTIPART:
        losses.append("left out: further parts of the EXR file")
    if _window(head["displayWindow"]) != _window(head["dataWindow"]):
        losses.append("the display window of the EXR file was not applied")
    return tuple(losses)


def _colours(head: dict[str, Any]) -> Stated:
    found = head.get("chromaticities")
    if found is None:
        return Stated()
    return of_chromaticities([(point.x, point.y) for point in (found.white, found.red, found.green, found.blue)])
