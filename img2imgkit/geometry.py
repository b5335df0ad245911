"""How a network or a translation maps sizes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """How a translation maps sizes, in pixels of its input.

    Attributes:
        scale: the output is ``scale`` times as high and wide
        multiple: height and width must be multiples of this; the Translator pads by reflection and crops
        radius: how far the receptive field reaches around a pixel; None when every pixel sees the whole picture
            (global statistics such as instance norm), so that tiles cannot be exact
        channels: colour channels that the network reads, 1 or 3
        output_channels: colour channels that it writes, 1 or 3; None: as many as it reads
        minimum: height and width that an input must have at least, such as for padding by reflection inside
        ids: the network reads a label map of 1 channel in place of the picture, whose ids are 0 to ``ids`` - 1; None:
            it reads the picture
        unknown: the last of these ids stands for pixels of no class, and 255 for the same
    """

    scale: int = 1
    multiple: int = 1
    radius: int | None = 0
    channels: int = 3
    output_channels: int | None = None
    minimum: int = 1
    ids: int | None = None
    unknown: bool = False

    @property
    def written(self) -> int:
        """Colour channels of an output."""
        return self.output_channels or self.channels
