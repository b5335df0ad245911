"""A decoded picture: integer pixels, upright, with metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from img2imgkit.images.affine import Affine, Placement

Space = Literal["grey", "rgb", "cmyk"]
CHANNELS: Mapping[Space, int] = {"grey": 1, "rgb": 3, "cmyk": 4}


@dataclass(frozen=True)
class Metadata:
    """A picture's metadata. It has no orientation, because decoded pixels are upright.

    Values in pixels, such as a georeference, are as in the file; ``placement`` states where those pixels are now, and
    ``encode`` converts the values.
    """

    icc: bytes | None = None
    exif: bytes | None = None  # a TIFF block without the "Exif\\0\\0" prefix, orientation already reset to 1
    xmp: bytes | None = None
    iptc: bytes | None = None  # captions and credits, as used by news agencies
    text: Mapping[str, str] = field(default_factory=dict)  # PNG text chunks
    dpi: tuple[float, float] | None = None
    colour_chunks: tuple[tuple[bytes, bytes], ...] = ()  # their meaning in numbers; see colour_numbers
    placement: Placement | None = field(default=None, compare=False)  # None: they describe the picture as it is


@dataclass(frozen=True)
class Picture:
    """A picture between decoding and encoding.

    Shapes:
        color: (H, W, C), uint8 or uint16 over the full range of the type; C is 1 for grey, 3 for rgb, 4 for cmyk; any
            strides, and any byte order, which becomes the machine's own
        alpha: (H, W, 1) of the same type, not premultiplied, or None without transparency
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    space: Space = "rgb"
    metadata: Metadata = field(default_factory=Metadata)
    format: str = "PNG"  # Pillow's name of the file's format
    mode: str = "RGB"  # the file's own mode, as Pillow names it: "1", "P", "LA", "I;16", "RGB;16", ...
    notes: tuple[str, ...] = ()  # sentences without "; " on what decoding left out or changed, for the report
    lossy: bool = False  # whether the file stored its pixels with loss
    quality: int | None = None  # of a lossy file, 1 to 100, as far as known

    def __post_init__(self) -> None:
        for name, array in (("color", self.color), ("alpha", self.alpha)):
            if array is not None and not array.dtype.isnative:
                object.__setattr__(self, name, array.astype(array.dtype.newbyteorder("=")))
        self._check_pixels()
        if self.metadata.placement is None:
            placed = replace(self.metadata, placement=Placement((self.width, self.height)))
            object.__setattr__(self, "metadata", placed)

    def _check_pixels(self) -> None:
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

    def with_pixels(
        self, color: np.ndarray, alpha: np.ndarray | None, space: Space | None = None, by: Affine | None = None
    ) -> Picture:
        """Return the picture with other pixels and the same metadata.

        Args:
            by: where the pixels of this picture went, such as ``Affine.shift(-left, -top)`` for a crop. None: nowhere
                if the size is the same; otherwise unknown, and metadata stated in pixels will be left out with a note.
        """
        before, after = (self.width, self.height), (color.shape[1], color.shape[0])
        metadata = self.metadata
        if by is not None or after != before:
            assert metadata.placement is not None  # set by __post_init__
            metadata = replace(metadata, placement=metadata.placement.moved(before, by, after))
        return replace(self, color=color, alpha=alpha, space=space or self.space, metadata=metadata)

    def resized(self, color: np.ndarray, alpha: np.ndarray | None, space: Space | None = None) -> Picture:
        """Return the picture with the pixels of the same view at another size."""
        size = (color.shape[1], color.shape[0])
        return self.with_pixels(color, alpha, space, Affine.scaling((self.width, self.height), size))
