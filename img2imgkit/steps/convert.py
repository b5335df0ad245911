"""``convert``: change the colour mode, depth, transparency or profile."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from img2imgkit.config import Config
from img2imgkit.images import Picture, to_grey, to_rgb, to_srgb, with_depth, without_alpha, without_profile
from img2imgkit.item import Item
from img2imgkit.step import Transform

Alpha = Literal["keep", "drop", "white", "black", "grey"]
_GROUNDS = {"drop": None, "white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 128, 128)}


class Convert(Transform):
    """Convert each picture: first its profile, then its mode, its transparency and its depth.

    CMYK is converted to RGB by its profile, and to grey via sRGB. 8 bits become 16 exactly; 16 bits are rounded to 8.
    """

    name = "convert"

    class Options(Config):
        """What to change; everything else is kept."""

        mode: Literal["keep", "rgb", "grey"] = Field("keep", description="The colour mode.")
        depth: Literal["keep", 8, 16] = Field("keep", description="Bits per channel.")
        alpha: Alpha = Field(
            "keep",
            description="Transparency: keep it, drop it and show the colours as stored, or composite over a colour.",
        )
        icc: Literal["keep", "srgb", "strip"] = Field(
            "keep",
            description="The meaning of the colours (ICC profile, or numbers): keep it, convert them to sRGB, or drop "
            "it without converting.",
        )

    def apply(self, item: Item) -> Item:
        """Return the converted item. Its note "convert" lists inexact conversions."""
        before = item.picture.notes
        picture = self._converted(item.picture)
        notes = [note for note in picture.notes if note not in before]
        return item.with_picture(picture, **({"convert": "; ".join(notes)} if notes else {}))

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def _converted(self, picture: Picture) -> Picture:
        options = self.options
        if options.icc != "keep":
            picture = to_srgb(picture) if options.icc == "srgb" else without_profile(picture)
        if options.mode != "keep":
            picture = to_rgb(picture) if options.mode == "rgb" else to_grey(picture)
        if options.alpha != "keep":
            picture = without_alpha(picture, _GROUNDS[options.alpha])
        return picture if options.depth == "keep" else with_depth(picture, options.depth)
