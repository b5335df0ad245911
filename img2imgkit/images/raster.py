"""Convert a Pillow image of any mode to integer colour and alpha arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageFile

from img2imgkit.errors import DecodeError
from img2imgkit.images import scratch
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.picture import Space

DIRECT: dict[str, Space] = {"1": "grey", "L": "grey", "RGB": "rgb", "CMYK": "cmyk"}


class Raster(NamedTuple):
    """Pixels as in ``Picture``, the file's mode, notes on losses, and the damage that made pixels wrong."""

    color: np.ndarray
    alpha: np.ndarray | None
    space: Space
    mode: str
    notes: tuple[str, ...] = ()
    damage: str = ""


def salvaged(image: Image.Image, reason: str, float_levels: FloatLevels | None = None) -> Raster:
    """Return what a decoder had read of a Pillow image when it failed.

    Raises:
        DecodeError: nothing was read.
    """
    if not isinstance(image, ImageFile.ImageFile) or getattr(image, "_im", None) is None:
        raise DecodeError(f"is damaged: {reason}")
    image.tile = []  # nothing is left to decode
    pixels = from_image(image, float_levels)
    if not pixels.color.any():
        raise DecodeError(f"is damaged: {reason}")
    return pixels._replace(damage=reason)


def from_image(image: Image.Image, float_levels: FloatLevels | None = None) -> Raster:
    """Return the pixels of a Pillow image, loaded or not.

    Raises:
        DecodeError: its levels have no defined white point (float without ``float_levels``, or beyond 16 bits).
    """
    image.load()  # an icon's mode is known only then
    mode = image.mode
    if mode == "F" and float_levels is not None:
        levels, notes = float_levels.levels(_array(image), alpha=False, linear=False)
        return Raster(levels, None, "grey", "I;16", notes)
    if mode in DIRECT:
        pixels = _array(image.convert("L") if mode == "1" else image)
        return _keyed(pixels, DIRECT[mode], mode, image)
    if mode.startswith("I;16"):
        return _keyed(_array(image).astype(np.uint16), "grey", "I;16", image)
    if mode in ("LA", "RGBA"):
        return split(_array(image), mode)
    readers = {"P": _from_palette, "I": _from_integers}
    return readers.get(mode, _from_converted)(image)


def split(pixels: np.ndarray, mode: str) -> Raster:
    """Split off the last channel of (H, W, 2), (H, W, 4) or (H, W, 5) pixels as alpha."""
    color = np.ascontiguousarray(pixels[..., :-1])
    space: Space = {1: "grey", 3: "rgb", 4: "cmyk"}[color.shape[2]]  # type: ignore[assignment]
    return Raster(color, np.ascontiguousarray(pixels[..., -1:]), space, mode)


def unpremultiplied(raster: Raster) -> Raster:
    """Divide colours that were multiplied by alpha, rounded."""
    assert raster.alpha is not None
    top = np.iinfo(raster.color.dtype).max
    wide = np.maximum(raster.alpha, 1).astype(np.uint64)
    divided = (raster.color.astype(np.uint64) * (2 * top) + wide) // (2 * wide)
    return raster._replace(color=np.minimum(divided, top).astype(raster.color.dtype))


def full_range(pixels: np.ndarray, bits: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Scale levels of ``bits`` to the full range of 8 or 16 bits, rounded; with a note if that changed them.

    Raises:
        DecodeError: there are more than 16 bits.
    """
    if bits in (8, 16):
        return pixels.astype(np.uint8 if bits == 8 else np.uint16, copy=False), ()
    if not 1 <= bits < 16:
        raise DecodeError(f"has {bits}-bit integers, which are not supported; save it with 16 bits")
    kind, top = (np.uint8, 255) if bits < 8 else (np.uint16, 65535)
    white = (1 << bits) - 1
    scaled = (np.minimum(pixels, white).astype(np.uint32) * (2 * top) + white) // (2 * white)
    return scaled.astype(kind), (f"{bits}-bit levels were scaled to {top.bit_length()} bits",)


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (TIFF 6.0, tag 274) to (H, W, C) pixels."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return scratch.contiguous(pixels)


def _array(image: Image.Image) -> np.ndarray:
    pixels = np.array(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _keyed(color: np.ndarray, space: Space, mode: str, image: Image.Image) -> Raster:
    """Return the pixels, with alpha if the file declares one colour as transparent (tRNS)."""
    key = image.info.get("transparency")
    if not isinstance(key, int | tuple):
        return Raster(color, None, space, mode)
    top = np.iinfo(color.dtype).max
    hidden = (color == (np.asarray(key) & top).astype(color.dtype)).all(axis=2, keepdims=True)
    return Raster(color, np.where(hidden, 0, top).astype(color.dtype), space, mode)


def _from_palette(image: Image.Image) -> Raster:
    image.load()
    index = np.asarray(image)
    layout = "RGBA" if image.palette is not None and image.palette.mode == "RGBA" else "RGB"
    stated = np.asarray(image.getpalette(layout) or [], np.uint8).reshape(-1, len(layout))[:256]
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    table[: len(stated), : len(layout)] = stated
    key = image.info.get("transparency")
    if isinstance(key, bytes):
        table[: len(key), 3] = np.frombuffer(key[:256], np.uint8)
    elif isinstance(key, int):
        table[key, 3] = 0
    grey = bool((stated[:, :1] == stated[:, :3]).all())
    color = table[:, :1] if grey else table[:, :3]
    alpha = table[:, 3:][index] if layout == "RGBA" or key is not None else None
    return Raster(color[index], alpha, "grey" if grey else "rgb", "P")


def _from_integers(image: Image.Image) -> Raster:
    levels = _array(image)
    low, high = int(levels.min()), int(levels.max())
    if low < 0 or high > 65535:
        raise DecodeError(
            f"has 32-bit integers from {low} to {high}, whose white point is undefined; save it with 16 bits"
        )
    return Raster(levels.astype(np.uint16), None, "grey", "I", ("32-bit integers were converted to 16 bits",))


def _from_converted(image: Image.Image) -> Raster:
    mode = image.mode
    if mode == "F":
        raise DecodeError(FloatLevels.UNSTATED)
    if mode in ("RGBa", "RGBX", "PA", "La"):
        target = {"RGBa": "RGBA", "RGBX": "RGB", "PA": "RGBA", "La": "LA"}[mode]
        return from_image(image.convert(target))._replace(mode=mode)
    if mode == "LAB":
        return from_image(_from_lab(image))._replace(mode=mode, notes=("CIELab was converted to sRGB",))
    if mode in ("YCbCr", "HSV"):
        return from_image(image.convert("RGB"))._replace(mode=mode, notes=(f"{mode} was converted to RGB",))
    raise DecodeError(f"has the colour mode {mode}, which is not supported")


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted
