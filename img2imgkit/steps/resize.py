"""``resize``: another size, by a filter."""

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

    Of a label map the ids are resized, and its drawing with them: each pixel from the nearest one, whatever the filter.

    State one way: ``scale``; ``width``, ``height`` or both; ``longest``; ``shortest``; or ``fit``. The proportions stay
    unless both width and height are stated; sides are rounded to whole pixels, and at least one.
    """

    name = "resize"

    class Options(Config):
        """The new size, stated in one way, and the filter."""

        scale: float | None = Field(None, gt=0, le=64, description="Both sides times this.")
        width: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new width in pixels.")
        height: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new height in pixels.")
        longest: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new length of the longer side.")
        shortest: int | None = Field(None, ge=1, le=MAX_SIDE, description="The new length of the shorter side.")
        fit: tuple[int, int] | None = Field(
            None, description="Width and height of a box: as large as fits into it with the same proportions."
        )
        method: Method = Field("lanczos", description="The filter.")
        shrink_only: bool = Field(
            False, description="Leave a picture as it is where it would grow in either direction."
        )

        @model_validator(mode="after")
        def _one_way(self) -> Resize.Options:
            ways = [name for name in ("scale", "longest", "shortest", "fit") if getattr(self, name) is not None]
            if self.width is not None or self.height is not None:
                ways.append("width/height")
            if len(ways) != 1:
                stated = f"not by {' and '.join(ways)} at once" if ways else "no size is stated"
                raise ValueError(f"state the size by scale, width/height, longest, shortest or fit: {stated}")
            if self.fit is not None and not all(1 <= side <= MAX_SIDE for side in self.fit):
                raise ValueError(f"fit: both sides of the box must lie in 1..{MAX_SIDE}, got {list(self.fit)}")
            return self

    def apply(self, item: Item) -> Item:
        """The item in its new size.

        Raises:
            TranslateError: it would have a side of more than a million pixels.
        """
        picture = item.picture
        width, height = self.size(picture.width, picture.height)
        if max(width, height) > MAX_SIDE:
            raise TranslateError(f"resize: {width}x{height} is more than {MAX_SIDE} pixels a side")
        if self.options.shrink_only and (width > picture.width or height > picture.height):
            return item
        if not item.maps:
            return item.with_picture(resize(picture, width, height, self.options.method))
        maps = {name: resized_ids(ids, (width, height)) for name, ids in item.maps.items()}
        return item.with_picture(_drawing(picture, (width, height))).with_maps(maps)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The new width and height of a picture of this size, before ``shrink_only``."""
        options = self.options
        if options.width is not None and options.height is not None:
            return options.width, options.height
        if options.width is not None:
            return options.width, _part(height, options.width, width)
        if options.height is not None:
            return _part(width, options.height, height), options.height
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
        return (side, _part(height, side, width)) if by_width else (_part(width, side, height), side)


def _drawing(picture: Picture, size: tuple[int, int]) -> Picture:
    """A drawing of ids at another size, from the same pixels as they."""

    def resized(levels: np.ndarray) -> np.ndarray:
        channels = [resized_ids(levels[..., channel].astype(np.int32), size) for channel in range(levels.shape[2])]
        return np.stack(channels, axis=-1).astype(levels.dtype)

    return picture.with_pixels(resized(picture.color), None if picture.alpha is None else resized(picture.alpha))


def _part(length: int, side: int, whole: int) -> int:
    """``length * side / whole``, rounded half up, at least 1."""
    return max(1, (2 * length * side + whole) // (2 * whole))
