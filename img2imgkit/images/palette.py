"""Find the palette of a picture that came with one, so that it can leave with one."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from img2imgkit.images.picture import Picture

MOST = 256


class IndexedColours(NamedTuple):
    """Every colour of a picture, and which one each pixel has.

    Shapes:
        table: (n, 4), uint8: red, green, blue, alpha; n is at most 256
        indices: (H, W), uint8
    """

    table: np.ndarray
    indices: np.ndarray

    def image(self, alpha: bool) -> Image.Image:
        """The same as a Pillow image of mode P; ``alpha`` asks for that of the table in ``info["transparency"]``."""
        image = Image.fromarray(self.indices)
        image.putpalette(self.table[:, :3].tobytes())
        if alpha:
            image.info["transparency"] = self.table[:, 3].tobytes()
        return image


def indexed(picture: Picture) -> IndexedColours | None:
    """The palette of an 8-bit grey or RGB picture with at most 256 colours, or None. Translucent ones come first."""
    if picture.depth != 8 or picture.space == "cmyk":
        return None
    packed = _packed(picture.color, picture.alpha)
    if len(np.unique(packed.reshape(-1)[: 1 << 16])) > MOST:  # most pictures are told apart by their first rows
        return None
    colours, index = np.unique(packed, return_inverse=True)
    if len(colours) > MOST:
        return None
    table = colours[:, None].astype(">u4").view(np.uint8)[:, [1, 2, 3, 0]]  # sorted by alpha, the highest byte
    return IndexedColours(table, index.reshape(packed.shape).astype(np.uint8))


def keyed(picture: Picture) -> tuple[Image.Image, tuple[str, ...]]:
    """A Pillow image of at most 256 colours of which one may be wholly transparent, as GIF has it, and what that cost.

    Alpha of 128 and more counts as opaque. Further colours are merged by median cut, without dithering.
    """
    notes: tuple[str, ...] = ()
    exact = indexed(picture)
    if exact is not None and (exact.table[:, 3] == 255).sum() >= len(exact.table) - 1 and exact.table[0, 3] in (0, 255):
        return _with_key(exact.table, exact.indices, exact.table[0, 3] == 0), notes
    hidden = np.zeros(picture.color.shape[:2], bool)
    if picture.alpha is not None:
        hidden = picture.alpha[..., 0] < 128
        if ((picture.alpha != 0) & (picture.alpha != 255)).any():
            notes += ("transparency is on or off in this format: half-transparent pixels were decided",)
    color = np.where(hidden[..., None], 0, picture.color).astype(np.uint8)
    found = indexed(replace(picture, color=color, alpha=np.where(hidden, 0, 255).astype(np.uint8)[..., None]))
    if found is not None:
        return _with_key(found.table, found.indices, bool(hidden.any())), notes
    rgb = Image.fromarray(np.broadcast_to(color, (*color.shape[:2], 3)).copy())
    merged = rgb.quantize(MOST - 1, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    table = np.zeros((MOST, 3), np.uint8)  # the transparent colour first
    stated = np.asarray(merged.getpalette("RGB"), np.uint8).reshape(-1, 3)[: MOST - 1]
    table[1 : len(stated) + 1] = stated
    index = np.where(hidden, 0, np.asarray(merged) + np.uint8(1)).astype(np.uint8)
    return _with_key(table, index, bool(hidden.any())), (*notes, "this format holds 256 colours: they were merged")


def _with_key(table: np.ndarray, index: np.ndarray, key: bool) -> Image.Image:
    image = Image.fromarray(index)
    image.putpalette(np.ascontiguousarray(table[:, :3]).tobytes())
    if key:
        image.info["transparency"] = 0
    return image


def _packed(color: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Alpha, red, green and blue in one number, (H, W) uint32."""
    wide = color.astype(np.uint32)
    red, green, blue = (wide[..., min(channel, color.shape[2] - 1)] for channel in range(3))
    top = np.uint32(255) if alpha is None else alpha[..., 0].astype(np.uint32)
    return (top << np.uint32(24)) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue
