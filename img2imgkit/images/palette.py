"""Palettes: recover one for pictures that had one, and quantise pictures for GIF."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from img2imgkit.images.picture import Picture

MAX_COLOURS = 256


class IndexedColours(NamedTuple):
    """The colours of a picture, and the index of each pixel's colour.

    Shapes:
        table: (n, 4), uint8: red, green, blue, alpha; n is at most 256
        indices: (H, W), uint8
    """

    table: np.ndarray
    indices: np.ndarray

    def image(self, alpha: bool) -> Image.Image:
        """Return a Pillow image of mode P, with the table's alpha in ``info["transparency"]`` if ``alpha``."""
        image = Image.fromarray(self.indices)
        image.putpalette(self.table[:, :3].tobytes())
        if alpha:
            image.info["transparency"] = self.table[:, 3].tobytes()
        return image


def indexed(picture: Picture) -> IndexedColours | None:
    """Index an 8-bit grey or RGB picture of at most 256 colours, the most transparent first; None for others."""
    if picture.depth != 8 or picture.space == "cmyk":
        return None
    packed = _packed(picture.color, picture.alpha)
    if len(np.unique(packed.reshape(-1)[: 1 << 16])) > MAX_COLOURS:  # most pictures with more colours are detected here
        return None
    colours, index = np.unique(packed, return_inverse=True)
    if len(colours) > MAX_COLOURS:
        return None
    table = colours[:, None].astype(">u4").view(np.uint8)[:, [1, 2, 3, 0]]  # sorted by alpha, the highest byte
    return IndexedColours(table, index.reshape(packed.shape).astype(np.uint8))


def quantised(picture: Picture) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a Pillow image of at most 256 colours, one of which can be transparent, as in GIF, and notes on losses.

    Alpha of at least 128 counts as opaque. Excess colours are merged by median cut, without dithering.
    """
    notes: tuple[str, ...] = ()
    exact = indexed(picture)
    if exact is not None and (exact.table[:, 3] == 255).sum() >= len(exact.table) - 1 and exact.table[0, 3] in (0, 255):
        return _with_colour_key(exact.table, exact.indices, exact.table[0, 3] == 0), notes
    hidden = np.zeros(picture.color.shape[:2], bool)
    if picture.alpha is not None:
        hidden = picture.alpha[..., 0] < 128
        if ((picture.alpha != 0) & (picture.alpha != 255)).any():
            notes += ("this format has no partial transparency: alpha was rounded to 0 or 255",)
    color = np.where(hidden[..., None], 0, picture.color).astype(np.uint8)
    found = indexed(replace(picture, color=color, alpha=np.where(hidden, 0, 255).astype(np.uint8)[..., None]))
    if found is not None:
        return _with_colour_key(found.table, found.indices, bool(hidden.any())), notes
    rgb = Image.fromarray(np.broadcast_to(color, (*color.shape[:2], 3)).copy())
    merged = rgb.quantize(MAX_COLOURS - 1, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table = np.zeros((MAX_COLOURS, 3), np.uint8)  # index 0 is the transparent colour
    stated = np.asarray(merged.getpalette("RGB"), np.uint8).reshape(-1, 3)[: MAX_COLOURS - 1]
    table[1 : len(stated) + 1] = stated
    index = np.where(hidden, 0, np.asarray(merged) + np.uint8(1)).astype(np.uint8)
    notes += ("this format supports 256 colours: others were merged",)
    return _with_colour_key(table, index, bool(hidden.any())), notes


def _with_colour_key(table: np.ndarray, index: np.ndarray, key: bool) -> Image.Image:
    image = Image.fromarray(index)
    image.putpalette(np.ascontiguousarray(table[:, :3]).tobytes())
    if key:
        image.info["transparency"] = 0
    return image


def _packed(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Pack alpha, red, green and blue into one integer per pixel, (H, W) uint32."""
    wide = color.astype(np.uint32)
    red, green, blue = (wide[..., min(channel, color.shape[2] - 1)] for channel in range(3))
    top = np.uint32(255) if alpha is None else alpha[..., 0].astype(np.uint32)
    return (top << np.uint32(24)) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue
