"""``compare``: the original next to the current picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.images import Picture, resize, to_rgb, to_srgb, with_depth, without_alpha
from img2imgkit.item import Item
from img2imgkit.step import Transform

Level = tuple[int, int, int]
Label = Annotated[str, Field(pattern=r"^[ -~]*$")]


class Compare(Transform):
    """Put the original and the current picture on one sheet, with the original resized to the current size.

    Both are converted to a common format first: RGB unless both are grey, the higher bit depth, transparency composited
    over ``ground``, and profiles converted to sRGB if they differ.
    """

    name = "compare"

    class Options(Config):
        """The layout of the sheet."""

        enlarge: Literal["bicubic", "nearest", "lanczos"] = Field(
            "bicubic", description="The filter that resizes the original to the current size."
        )
        layout: Literal["beside", "below"] = Field("beside", description="The current picture's position.")
        separator: int = Field(8, ge=0, le=1024, description="The space between the two, in pixels.")
        ground: Literal["white", "black", "grey"] = Field(
            "white", description="The colour between the two, behind labels, and behind transparency."
        )
        labels: tuple[Label, Label] | None = Field(
            None, description="Labels above the two pictures, in ASCII: the built-in font has no other characters."
        )

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        options = self.options
        height += _label_height(width) if options.labels else 0
        if options.layout == "beside":
            return 2 * width + options.separator, height
        return width, 2 * height + options.separator

    def apply(self, item: Item) -> Item:
        """Return the sheet, with the metadata of the current picture, but for those stated in pixels."""
        level = {"white": 255, "black": 0, "grey": 128}[self.options.ground]
        ground = (level, level, level)
        before, after = _matched(item.original, item.picture, ground)
        before = resize(before, after.width, after.height, self.options.enlarge)
        panels = [before.color, after.color]
        if self.options.labels:
            panels = [
                np.concatenate([_label(text, panel, level), panel])
                for text, panel in zip(self.options.labels, panels, strict=True)
            ]
        axis = 1 if self.options.layout == "beside" else 0
        shape = list(panels[0].shape)
        shape[axis] = self.options.separator
        sheet = np.concatenate([panels[0], _filled(shape, level, after), panels[1]], axis=axis)
        return item.with_picture(after.with_pixels(sheet, None))


def _matched(before: Picture, after: Picture, ground: Level) -> tuple[Picture, Picture]:
    """Return both without alpha, with the same colour space, depth and profile."""
    if before.metadata.icc != after.metadata.icc or "cmyk" in (before.space, after.space):
        before, after = to_srgb(before), to_srgb(after)
    if before.space != after.space:
        before, after = to_rgb(before), to_rgb(after)
    depth: Literal[8, 16] = 16 if 16 in (before.depth, after.depth) else 8
    left, right = (without_alpha(with_depth(picture, depth), ground) for picture in (before, after))
    return left, replace(right, mode={"grey": "L", "rgb": "RGB"}[right.space])


def _filled(shape: list[int], level: int, like: Picture) -> np.ndarray:
    return np.full(shape, level * (np.iinfo(like.color.dtype).max // 255), like.color.dtype)


def _label_size(width: int) -> int:
    return max(10, min(48, width // 20))


def _label_height(width: int) -> int:
    return _label_size(width) * 3 // 2


def _label(text: str, panel: np.ndarray, level: int) -> np.ndarray:
    """Return a strip with a line of text, with the panel's width and type. Text that is too long is cut off."""
    width, channels = panel.shape[1:]
    size = _label_size(width)
    font = ImageFont.load_default(size)
    strip = Image.new("L", (width, _label_height(width)), level)
    ImageDraw.Draw(strip).text((size // 4, size // 4), text, fill=255 if level < 128 else 0, font=font)
    scaled = np.asarray(strip).astype(panel.dtype) * np.asarray(np.iinfo(panel.dtype).max // 255, panel.dtype)
    return np.repeat(scaled[..., None], channels, axis=2)
