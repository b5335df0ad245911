"""``crop``: cut a region out of each picture."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from img2imgkit.config import Config
from img2imgkit.errors import TranslateError
from img2imgkit.images import crop
from img2imgkit.item import Item
from img2imgkit.step import Transform


class Crop(Transform):
    """Crop each picture to a box, to a size around the centre, or to sides that are multiples of a number.

    A picture smaller than the region fails, unless ``if_smaller`` is ``keep``, which clips the region to the picture.
    """

    name = "crop"

    class Options(Config):
        """The region, stated by exactly one of ``box``, ``centre`` and ``multiple``."""

        box: tuple[int, int, int, int] | None = Field(
            None, description="Left, top, width and height in pixels, from the top left corner."
        )
        centre: tuple[int, int] | None = Field(None, description="Width and height of a region around the centre.")
        multiple: int | None = Field(
            None, ge=2, description="Crop to the largest centred region whose sides are multiples of this."
        )
        if_smaller: Literal["fail", "keep"] = Field(
            "fail", description="What to do with a picture that is smaller than the region."
        )

        @model_validator(mode="after")
        def _one_way(self) -> Crop.Options:
            ways = [name for name in ("box", "centre", "multiple") if getattr(self, name) is not None]
            if len(ways) != 1:
                stated = f"got {' and '.join(ways)}" if ways else "none is stated"
                raise ValueError(f"state the region by one of box, centre and multiple: {stated}")
            sizes = self.box[2:] if self.box else self.centre or ()
            if any(side < 1 for side in sizes) or any(corner < 0 for corner in (self.box or ())[:2]):
                raise ValueError("left and top must be at least 0, width and height at least 1")
            return self

    def output_size(self, width: int, height: int) -> tuple[int, int] | None:
        left, top, across, down = self.window(width, height)
        if self.options.if_smaller == "keep":
            across, down = min(across, width - left), min(down, height - top)
        inside = across > 0 and down > 0 and left + across <= width and top + down <= height
        return (across, down) if inside else None

    def apply(self, item: Item) -> Item:
        """Return the cropped item.

        Raises:
            TranslateError: the picture does not contain the region.
        """
        picture = item.picture
        left, top, width, height = self.window(picture.width, picture.height)
        if not (width and height):
            raise TranslateError(
                f"crop: {picture.width}x{picture.height} pixels are less than one multiple of {self.options.multiple}"
            )
        if self.options.if_smaller == "keep":
            width, height = min(width, picture.width - left), min(height, picture.height - top)
        try:
            cropped = crop(picture, left, top, width, height)
        except ValueError as error:
            raise TranslateError(f"crop: {error}; if_smaller: keep clips the region to the picture") from error
        window = np.s_[top : top + height, left : left + width]
        return item.with_picture(cropped).with_maps({name: ids[window].copy() for name, ids in item.maps.items()})

    def window(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, width and height of the region, for a picture of this size."""
        if self.options.box is not None:
            box: tuple[int, int, int, int] = self.options.box
            return box
        if self.options.centre is not None:
            across, down = self.options.centre
        else:
            across, down = (side - side % self.options.multiple for side in (width, height))
        return max(0, (width - across) // 2), max(0, (height - down) // 2), across, down
