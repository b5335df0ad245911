"""A decoded picture: integer pixels, upright, with metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

Space = Literal["grey", "rgb", "cmyk"]
CHANNELS: Mapping[Space, int] = {"grey": 1, "rgb": 3, "cmyk": 4}


@dataclass(frozen=True)
class Metadata:
    """A picture's metadata. It has no orientation, because decoded pixels are upright."""

    icc: bytes | None = None
    exif: bytes | None = None  # a TIFF block without the "Exif\\0\\0" prefix, orientation already reset to 1
    xmp: bytes | None = None
    iptc: bytes | None = None  # captions and credits, as used by news agencies
    text: Mapping[str, str] = field(default_factory=dict)  # PNG text chunks
    dpi: tuple[float, float] | None = None
    colour_chunks: tuple[tuple[bytes, bytes], ...] = ()  # their meaning in numbers; see colour_numbers


@dataclass(frozen=True)
class Picture:
    """A picture between decoding and encoding.

    Shapes:
        color: (H, W, C), uint8 or uint16 over the full range of the type; C is 1 for grey, 3 for rgb, 4 for cmyk
        alpha: (H, W, 1) of the same type, not premultiplied, or None without transparency
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    space: Space = "rgb"
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "PNG"  # Pillow's name of the file's format
    mode: str = "RGB"  # the file's own mode, as Pillow names it: "1", "P", "LA", "I;16", "RGB;16", ...
    notes: tuple[str, ...] = ()  # on what decoding left out or changed, for the report

    def __post_init__(self) -> None:
        if self.color.ndim != 3 or self.color.shape[2] != CHANNELS[self.space]:
            raise ValueError(
                f"a {self.space} picture needs (H, W, {CHANNELS[self.space]}) pixels, got {self.color.shape}"
            )
        if self.color.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"pixels must be uint8 or uint16, got {self.color.dtype}")
        alpha = self.alpha
        if alpha is not None and (alpha.shape != (*self.color.shape[:2], 1) or alpha.dtype != self.color.dtype):
            raise ValueError(
                f"alpha {alpha.shape} {alpha.dtype} does not match color {self.color.shape} {self.color.dtype}"
            )

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.color.shape[1]

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.color.shape[0]

    @property
    def depth(self) -> int:
        """Bits per channel: 8 or 16."""
        return self.color.dtype.itemsize * 8

    def with_pixels(self, color: np.ndarray, alpha: np.ndarray | None, space: Space | None = None) -> Picture:
        """Return the picture with other pixels and the same metadata."""
        return replace(self, color=color, alpha=alpha, space=space or self.space)
