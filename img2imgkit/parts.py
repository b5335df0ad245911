"""Networks as options: where a paper leaves a choice of parts, a task's options hold one of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from img2imgkit.config import Config

if TYPE_CHECKING:
    import keras

__all__ = [
    "CriticPart",
    "GeneratorPart",
    "Norm",
    "PatchPart",
    "PixelPart",
    "ResnetPart",
    "Statistics",
    "UnetPart",
    "critic_part",
    "generator_part",
    "untold",
]

Norm = Literal["batch", "instance", "none"]
Statistics = Literal["running", "image"]
Channels = Literal[1, 3]


def sees_all(norm: Norm, statistics: Statistics) -> bool:
    """Whether a normalization looks at the whole picture when translating."""
    return norm == "instance" or (norm == "batch" and statistics == "image")


class UnetPart(Config):
    """The U-Net of pix2pix, see ``nn.unet``."""

    kind: Literal["unet"] = "unet"
    depth: int = Field(default=8, ge=2, description="halvings, down to a pixel of 2**depth: 7 is unet_128, 8 unet_256")
    width: int = Field(default=64, ge=1, description="filters of the outermost layer")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="share zeroed in the decoder's inner steps")

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return int(2**self.depth)

    @property
    def minimum(self) -> int:
        """The smallest height and width."""
        return self.multiple

    def radius(self, norm: Norm, statistics: Statistics) -> int | None:
        """How far a pixel sees; None: the whole picture."""
        return None if sees_all(norm, statistics) else 4 * self.multiple

    def build(
        self, norm: Norm, channels: Channels, out_channels: Channels, statistics: Statistics = "running"
    ) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import unet

        return unet(self.depth, self.width, norm, self.dropout, channels, out_channels, statistics)


class ResnetPart(Config):
    """The residual generator of CycleGAN, see ``nn.resnet``."""

    kind: Literal["resnet"] = "resnet"
    blocks: int = Field(default=9, ge=0, description="residual blocks: 6 for pictures of 128x128, 9 from 256x256")
    width: int = Field(default=64, ge=1, description="filters of the first layer")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="share that dropout zeroes inside each block")
    antialias: bool = Field(default=False, description="halve and double through a blur")
    antialias_up: bool | None = Field(default=None, description="double through a blur; null: as 'antialias' says")
    padding: Literal["reflect", "replicate", "zero"] = Field(
        default="reflect", description="what the residual blocks see beyond the edges"
    )

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return 4

    @property
    def minimum(self) -> int:
        """The smallest height and width: padding by reflection takes up to 3 pixels, and 1 at a quarter of the size."""
        return 8

    def radius(self, norm: Norm, statistics: Statistics) -> int | None:
        """How far a pixel sees; None: the whole picture."""
        blurs = self.antialias or bool(self.antialias_up)
        return None if sees_all(norm, statistics) else 16 + 8 * self.blocks + 8 * blurs

    def build(
        self, norm: Norm, channels: Channels, out_channels: Channels, statistics: Statistics = "running"
    ) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import resnet

        return resnet(
            self.blocks,
            self.width,
            norm,
            self.dropout,
            channels,
            out_channels,
            antialias=self.antialias,
            antialias_up=self.antialias_up,
            padding=self.padding,
            statistics=statistics,
        )


class PatchPart(Config):
    """PatchGAN, see ``nn.patch_critic``."""

    kind: Literal["patch"] = "patch"
    layers: int = Field(default=3, ge=1, description="halvings; 3 judges patches of 70x70 pixels")
    width: int = Field(default=64, ge=1, description="filters of the first layer")
    antialias: bool = Field(default=False, description="halve through a blur")

    @property
    def minimum(self) -> int:
        """The smallest height and width that leave a patch to judge."""
        return int(2 ** (self.layers + 2))

    def build(self, norm: Norm, channels: int, spectral: bool) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import patch_critic

        return patch_critic(channels, self.width, self.layers, norm, spectral, self.antialias)


class PixelPart(Config):
    """A critic that judges each pixel by itself, see ``nn.pixel_critic``."""

    kind: Literal["pixel"] = "pixel"
    width: int = Field(default=64, ge=1, description="filters of the first layer")

    @property
    def minimum(self) -> int:
        """The smallest height and width."""
        return 1

    def build(self, norm: Norm, channels: int, spectral: bool) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import pixel_critic

        return pixel_critic(channels, self.width, norm, spectral)


GeneratorPart = Annotated[UnetPart | ResnetPart, Field(discriminator="kind")]
CriticPart = Annotated[PatchPart | PixelPart, Field(discriminator="kind")]


def generator_part(family: str, arguments: Mapping[str, Any]) -> GeneratorPart | None:
    """The part that builds such a network; None: none does.

    Args:
        family: the network's function in ``img2imgkit.nn``
        arguments: what that function is given; those that are no options of the part are left out
    """
    parts: Mapping[str, type[UnetPart | ResnetPart]] = {"unet": UnetPart, "resnet": ResnetPart}
    return _part(parts[family], arguments) if family in parts else None


def critic_part(family: str, arguments: Mapping[str, Any]) -> CriticPart | None:
    """The same for critics."""
    parts: Mapping[str, type[PatchPart | PixelPart]] = {"patch_critic": PatchPart, "pixel_critic": PixelPart}
    return _part(parts[family], arguments) if family in parts else None


def untold(part: GeneratorPart, norm: Norm) -> tuple[str, ...]:
    """What no file tells of a generator, and what is done about it here, a sentence each."""
    notes = []
    if norm == "batch":
        notes.append(
            "batch normalization takes each picture's own statistics, as the official test.py does; "
            "for the running ones, as with its --eval: --set statistics=running"
        )
    if part.dropout:
        notes.append("dropout acts in training only, as with --eval of the official test.py, which keeps it otherwise")
    return tuple(notes)


def _part(part: Any, arguments: Mapping[str, Any]) -> Any:
    try:
        return part(**{name: value for name, value in arguments.items() if name in part.model_fields})
    except ValidationError:  # such as no block at all
        return None
