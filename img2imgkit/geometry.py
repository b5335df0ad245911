"""How a network or a translation maps sizes."""

from __future__ import annotations

from dataclasses import dataclass

WITH_ALPHA = 4  # channels of colours and alpha


@dataclass(frozen=True)
class Geometry:
    """How a translation maps sizes, in pixels of its input.

    Attributes:
        scale: the output is ``scale`` times as high and wide as the input
        multiple: input height and width must be multiples of this; the Translator pads by reflection and crops
        radius: radius of the receptive field; None if output pixels depend on the whole picture (global statistics such
            as instance normalization), so that tiles cannot be exact
        channels: channels of the input, 1 for grey, 3 for colours, 4 for colours and alpha
        output_channels: channels of the output, likewise; None: the same as ``channels``
        minimum: minimum input height and width, for example to allow reflection padding inside the network
        ids: the input is a label map of 1 channel with ids 0 to ``ids`` - 1 instead of a picture; None: a picture
        unknown: the last id marks pixels of no class; 255 is accepted as an alias for it
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
        """Channels of the output."""
        return self.output_channels or self.channels

    @property
    def has_alpha(self) -> bool:
        """Whether the networks read and write alpha, as the last of four channels."""
        return self.channels == self.written == WITH_ALPHA
