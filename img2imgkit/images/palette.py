"""Find the palette of a picture that came with one, so that it can leave with one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from img2imgkit.images.picture import Picture

MOST = 256


class Palette(NamedTuple):
    """Every colour of a picture, and which one each pixel has.

    Shapes:
        table: (n, 4), uint8: red, green, blue, alpha; n is at most 256
        index: (H, W), uint8
    """

    table: np.ndarray
    index: np.ndarray

    def image(self) -> Image.Image:
        """The same as a Pillow image of mode P, with alpha in ``info["transparency"]`` where there is any."""
        image = Image.fromarray(self.index)
        image.putpalette(self.table[:, :3].tobytes())
        alpha = self.table[:, 3]
        if (alpha < 255).any():
            image.info["transparency"] = alpha.tobytes()
        return image


def palette_of(picture: Picture) -> Palette | None:
    """The palette of an 8-bit grey or RGB picture with at most 256 colours, or None. Translucent ones come first."""
    if picture.depth != 8 or picture.space == "cmyk":
        return None
    packed = _packed(picture)
    if len(np.unique(packed.reshape(-1)[: 1 << 16])) > MOST:  # most pictures are told apart by their first rows
        return None
    colours, index = np.unique(packed, return_inverse=True)
    if len(colours) > MOST:
        return None
    table = colours[:, None].astype(">u4").view(np.uint8)[:, [1, 2, 3, 0]]  # sorted by alpha, the highest byte
    return Palette(table, index.reshape(packed.shape).astype(np.uint8))


def _packed(picture: Picture) -> np.ndarray:
    """Alpha, red, green and blue in one number, (H, W) uint32."""
    color = picture.color.astype(np.uint32)
    red, green, blue = (color[..., min(channel, color.shape[2] - 1)] for channel in range(3))
    alpha = np.uint32(255) if picture.alpha is None else picture.alpha[..., 0].astype(np.uint32)
    return (alpha << np.uint32(24)) | (red << np.uint32(16)) | (green << np.uint32(8)) | blue
