"""Read the kinds of pictures that Python programs hold, and give each kind back: paths, Pillow images, arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from img2imgkit.errors import DecodeError, EncodeError, ImageError
from img2imgkit.files import write_whole
from img2imgkit.images import EncodeOptions, Metadata, Picture, decode, encode, format_of, raster, writable

ImageLike: TypeAlias = "str | os.PathLike[str] | Image.Image | np.ndarray | Picture"
Back: TypeAlias = Callable[[Picture], Any]

_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA", (4, False): "CMYK"}
_SHOWN = 1024  # pixels, the longest side of a picture in a notebook


class LibraryPicture(Picture):
    """A picture with its metadata that can be saved, shown in a notebook, and given to other libraries."""

    def save(self, path: str | os.PathLike[str], options: EncodeOptions | None = None) -> None:
        """Write a file, whole or not at all, in the format of its suffix.

        Raises:
            EncodeError: the suffix is not that of a format, or the format cannot store the picture.
        """
        target = Path(path)
        format = format_of(target)
        if format is None or format not in writable():
            raise EncodeError(f"{target}: its suffix is not that of a format that can be written, such as .png or .jpg")
        write_whole(target, encode(self, format, options).data)

    def to_array(self) -> np.ndarray:
        """The pixels. Shapes: -> (H, W) for grey, otherwise (H, W, C), alpha last; uint8 or uint16."""
        pixels = _planes(self)
        return pixels[..., 0] if pixels.shape[2] == 1 else pixels

    def to_pillow(self) -> Image.Image:
        """The picture as a Pillow image. Raises EncodeError: Pillow has no colour pictures with 16 bits."""
        return _to_pillow(self)

    def _repr_png_(self) -> bytes:
        """A small PNG, which notebooks show."""
        eight = self.color if self.depth == 8 else (self.color >> 8).astype(np.uint8)
        alpha = None if self.alpha is None else (self.alpha if self.depth == 8 else (self.alpha >> 8).astype(np.uint8))
        image = _to_pillow(Picture(eight, alpha, self.space))
        image = image.convert("RGB") if self.space == "cmyk" else image
        image.thumbnail((_SHOWN, _SHOWN))
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()

    def __repr__(self) -> str:
        return f"<{self.space} picture of {self.width}x{self.height} pixels, {self.depth} bits>"


def picture_of(image: ImageLike) -> tuple[Picture, Back]:
    """A picture, and what turns another picture into the kind of ``image``.

    Paths become pictures that can be saved; arrays keep their number of axes where the colours allow it, and their
    type. Floats are in [0, 1], and pass the model with 16 bits.

    Shapes:
        image: an array is (H, W), (H, W, 1), (H, W, 2), (H, W, 3) or (H, W, 4): grey or RGB, with alpha last; uint8,
            uint16, or a float
    Raises:
        ImageError: a file cannot be decoded, or an image has a mode without a white point.
        TypeError: it is none of these.
        ValueError: an array has another shape, or floats outside [0, 1].
    """
    if isinstance(image, str | os.PathLike):
        return decode(Path(image)), library_picture
    if isinstance(image, Picture):
        return image, library_picture
    if isinstance(image, Image.Image):
        return _of_pillow(image), _to_pillow
    if isinstance(image, np.ndarray):
        return _of_array(image)
    raise TypeError(f"expected a path, a Pillow image, an array or a Picture, got {type(image).__name__}")


def library_picture(picture: Picture) -> LibraryPicture:
    """The same picture, with what a program needs."""
    return LibraryPicture(**{each.name: getattr(picture, each.name) for each in fields(Picture)})


def ids_of(image: Any) -> np.ndarray:
    """A map of ids from an array, an image whose levels or palette indices are ids, or the path of one.

    Shapes:
        -> (H, W), int32
    Raises:
        ValueError: it has several channels.
    """
    if isinstance(image, str | os.PathLike):
        with Image.open(image) as opened:
            return ids_of(opened)
    ids = np.asarray(image)
    ids = ids[..., 0] if ids.ndim == 3 and ids.shape[2] == 1 else ids
    if ids.ndim != 2 or ids.dtype.kind not in "iub":
        raise ValueError(f"a map is (H, W) integers, got {ids.shape} {ids.dtype}")
    return ids.astype(np.int32)


def _of_pillow(image: Image.Image) -> Picture:
    try:
        pixels = raster.from_image(image)
    except DecodeError as error:
        raise ImageError(f"the Pillow image {error}") from None
    icc, exif = image.info.get("icc_profile"), image.getexif()
    exif.pop(0x0112, None)  # the orientation: pixels are taken as they are
    metadata = Metadata(icc=icc, exif=exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else None)
    return Picture(pixels.color, pixels.alpha, pixels.space, metadata, mode=pixels.mode)


def _to_pillow(picture: Picture) -> Image.Image:
    channels = picture.color.shape[2]
    if picture.depth == 16:
        if channels > 1 or picture.alpha is not None:
            raise EncodeError("Pillow has no images of 16 bits with colour or alpha: pass and get an array")
        image = Image.fromarray(np.ascontiguousarray(picture.color[..., 0]))
    else:
        mode = _MODES.get((channels, picture.alpha is not None))
        if mode is None:
            raise EncodeError("Pillow has no CMYK images with alpha: pass and get an array")
        pixels = _planes(picture)
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), mode)
    if picture.metadata.icc:
        image.info["icc_profile"] = picture.metadata.icc
    if picture.metadata.exif:
        image.info["exif"] = b"Exif\0\0" + picture.metadata.exif
    return image


def _of_array(array: np.ndarray) -> tuple[Picture, Back]:
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or not pixels.size:
        raise ValueError(f"an array of a picture is (H, W) or (H, W, 1 to 4), got {array.shape}")
    if array.dtype.kind == "f":
        levels = _levels(pixels)
    elif array.dtype.newbyteorder("=") in (np.uint8, np.uint16):
        levels = pixels
    else:
        raise TypeError(f"an array of a picture is uint8, uint16 or a float in [0, 1], got {array.dtype}")
    colors = 1 if levels.shape[2] < 3 else 3
    color, alpha = np.ascontiguousarray(levels[..., :colors]), levels[..., colors:]
    picture = Picture(color, np.ascontiguousarray(alpha) if alpha.shape[2] else None, "grey" if colors == 1 else "rgb")

    def back(made: Picture) -> np.ndarray:
        planes = _planes(made)
        planes = planes[..., 0] if array.ndim == 2 and planes.shape[2] == 1 else planes
        return planes if array.dtype.kind != "f" else (planes / np.iinfo(planes.dtype).max).astype(array.dtype)

    return picture, back


def _planes(picture: Picture) -> np.ndarray:
    """Colours, and alpha after them. Shapes: -> (H, W, C)."""
    return picture.color if picture.alpha is None else np.concatenate([picture.color, picture.alpha], axis=2)


def _levels(pixels: np.ndarray) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"floats of a picture are in [0, 1], got {low:g} to {high:g}; integers are uint8 or uint16")
    return np.asarray(np.floor(pixels.astype(np.float64) * 65535 + 0.5), np.uint16)
