"""``resize``: resample each picture to another size."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from img2imgkit.config import Config
from img2imgkit.data.label_maps import resized_ids
from img2imgkit.errors import TranslateError
from img2imgkit.images import Method, Picture, resize
from img2imgkit.item import Item
from img2imgkit.step import Transform

MAX_SIDE = 1_000_000


class Resize(Transform):
    """Resize each picture with a filter; transparency and 16 bits are kept.

    The ids of a label map and its drawing are resized by nearest neighbour, regardless of the filter.

    State exactly one of ``scale``; ``width``, ``height`` or both; ``longest``; ``shortest``; ``fit``. The aspect ratio
    is kept unless both width and height are stated; sides are rounded to whole pixels, and to at least one.
    """

    name = "resize"

    class Options(Config):
        """The new size, and the filter."""

        scale: float | None = Field(None, gt=0, le=64, description="A factor for both sides.")
        width: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new width in pixels.")
        height: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new height in pixels.")
        longest: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new length of the longer side.")
        shortest: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new length of the shorter side.")
        fit: tuple[int, int] | None = Field(
            None,
            description="Width and height of a box: the largest size with the same aspect ratio that fits in.",
        )
        method: Method = Field("lanczos", description="The filter.")
        shrink_only: bool = Field(False, description="Do not change pictures that would grow in either direction.")

        @model_validator(mode="after")
        def _one_way(self) -> Resize.Options:
            ways = [name for name in ("scale", "longest", "shortest", "fit") if getattr(self, name) is not None]
            if self.width is not None or self.height is not None:
                ways.append("width/height")
            if len(ways) != 1:
                stated = f"got {' and '.join(ways)}" if ways else "none is stated"
                raise ValueError(f"state the size by one of scale, width/height, longest, shortest and fit: {stated}")
            if self.fit is not None and not all(1 <= side <= MAX_SIDE for side in self.fit):
                raise ValueError(f"fit: both sides of the box must be in 1..{MAX_SIDE}, got {list(self.fit)}")
            return self

    def apply(self, item: Item) -> Item:
        """Return the resized item.

        Raises:
            TranslateError: a side would be longer than a million pixels.
        """
        picture = item.picture
        width, height = self.output_size(picture.width, picture.height)
        if max(width, height) > MAX_SIDE:
            raise TranslateError(f"resize: {width}x{height} exceeds {MAX_SIDE} pixels per side")
        if self.options.shrink_only and (width, height) == (picture.width, picture.height):
            return item
        if not item.maps:
            return item.with_picture(resize(picture, width, height, self.options.method))
        maps = {name: resized_ids(ids, (width, height)) for name, ids in item.maps.items()}
        return item.with_picture(_drawing(picture, (width, height))).with_maps(maps)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        new = self.size(width, height)
        grows = new[0] > width or new[1] > height
        return (width, height) if self.options.shrink_only and grows else new

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the new width and height of a picture of this size, ignoring ``shrink_only``."""
        options = self.options
        if options.width is not None and options.height is not None:
            return options.width, options.height
        if options.width is not None:
            return options.width, _scaled(height, options.width, width)
        if options.height is not None:
            return _scaled(width, options.height, height), options.height
        if options.scale is not None:
            return max(1, int(width * options.scale + 0.5)), max(1, int(height * options.scale + 0.5))
        return self._proportional(width, height)

    def _proportional(self, width: int, height: int) -> tuple[int, int]:
        options = self.options
        if options.fit is not None:
            by_width = options.fit[0] * height <= options.fit[1] * width
        else:
            by_width = (width >= height) == (options.longest is not None)
        side = options.longest or options.shortest or options.fit[0 if by_width else 1]
        return (side, _scaled(height, side, width)) if by_width else (_scaled(width, side, height), side)


def _drawing(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resize a drawing of ids exactly like the ids."""

    def resized(levels: np.ndarray) -> np.ndarray:
        channels = [resized_ids(levels[..., channel].astype(np.int32), size) for channel in range(levels.shape[2])]
        return np.stack(channels, axis=-1).astype(levels.dtype)

    return picture.resized(resized(picture.color), None if picture.alpha is None else resized(picture.alpha))


def _scaled(length: int, side: int, whole: int) -> int:
    """``length * side / whole``, rounded half up, at least 1."""
    return max(1, (2 * length * side + whole) // (2 * whole))
