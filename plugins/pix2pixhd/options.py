"""What can be chosen of pix2pixHD: its networks, and what each loss term counts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import keras
from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.adversary import Adversary
from img2imgkit.interop import FeaturesPart
from img2imgkit.nn import multiscale_critic, pix2pixhd_networks

Norm = Literal["batch", "instance"]


class GlobalPart(kit.Config):
    """The global generator alone, as it is trained first."""

    kind: Literal["global"] = "global"
    width: int = Field(default=64, ge=1, description="filters at full size; each halving doubles them")
    downs: int = Field(default=4, ge=1, description="halvings")
    blocks: int = Field(default=9, ge=1, description="residual blocks, at the smallest size")

    @property
    def doublings(self) -> int:
        """How often local enhancers double the global size."""
        return 0

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return int(2 ** (self.downs + self.doublings))

    @property
    def minimum(self) -> int:
        """The smallest height and width: reflections take 3 pixels at the global size, and 1 at the smallest."""
        return max(2 * self.multiple, 2 ** (self.doublings + 2))

    def radius(self, norm: Norm) -> int | None:
        """How far a pixel sees; None: the whole picture."""
        if norm == "instance":
            return None
        return 6 + (3 + 2 * self.blocks) * 2**self.downs

    def build(self, norm: Norm, channels: int) -> dict[str, keras.Model]:
        """The networks by role, with fresh weights."""
        return pix2pixhd_networks(channels, self.width, self.downs, self.blocks, norm=norm)


class LocalPart(GlobalPart):
    """The global generator at a smaller size, and local enhancers that double it."""

    kind: Literal["local"] = "local"  # type: ignore[assignment]
    width: int = Field(
        default=32, ge=1, description="filters at full size; the global generator has twice as many for each enhancer"
    )
    enhancers: int = Field(default=1, ge=1, le=4, description="local enhancers, each of which doubles the size")
    local_blocks: int = Field(default=3, ge=0, description="residual blocks of each enhancer")

    @property
    def doublings(self) -> int:
        return self.enhancers

    def radius(self, norm: Norm) -> int | None:
        """How far a pixel sees; None: the whole picture."""
        reach = super().radius(norm)
        for _ in range(self.enhancers):
            reach = None if reach is None else 2 * reach + 14 + 4 * self.local_blocks
        return reach

    def build(self, norm: Norm, channels: int) -> dict[str, keras.Model]:
        """The networks by role, with fresh weights."""
        sizes = (self.width, self.downs, self.blocks, self.enhancers, self.local_blocks)
        return pix2pixhd_networks(channels, *sizes, norm)


class CriticPart(kit.Config):
    """Critics that judge patches, at several sizes of the picture."""

    scales: int = Field(default=2, ge=1, description="how many, each at half the size of the one before")
    layers: int = Field(default=3, ge=1, description="halvings of each")
    width: int = Field(default=64, ge=1, description="filters of the first layer")

    @property
    def minimum(self) -> int:
        """The smallest height and width that leave the last scale something to judge."""
        return int(2 ** (self.layers + self.scales - 1))

    def build(self, norm: Norm, channels: int, spectral: bool) -> keras.Model:
        """The network with fresh weights."""
        return multiscale_critic(channels, self.width, self.layers, self.scales, norm, spectral)


class EncoderPart(kit.Config):
    """An encoder of how each object looks, which lets a translation choose it."""

    features: int = Field(default=3, ge=1, description="numbers that describe an object")
    width: int = Field(default=16, ge=1, description="filters at full size")
    downs: int = Field(default=4, ge=1, description="halvings")
    clusters: int = Field(default=10, ge=1, description="looks of each class to choose from, found after the training")


class Parts(kit.Config):
    """The networks, and how they play."""

    generator: Annotated[GlobalPart | LocalPart, Field(discriminator="kind")] = Field(
        default=GlobalPart(), description="the networks that translate"
    )
    critic: CriticPart = Field(default=CriticPart(), description="the networks that judge")
    norm: Norm = Field(default="instance", description="normalization of all networks")
    adversary: Adversary = Field(default=Adversary(loss="lsgan"), description="how generator and critics play")
    features: FeaturesPart = Field(default=FeaturesPart(), description="the network of the perceptual loss")


class PhotoOptions(Parts):
    """The pictures, the networks, and how they play."""

    channels: Literal[1, 3] = Field(default=3, description="of the source: 1 is grey")


class LabelOptions(Parts):
    """The labels, the networks, and how they play."""

    classes: int = Field(default=35, ge=1, le=255, description="how many classes there are: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' stands for pixels of no class")
    edges: bool = Field(default=True, description="show the networks the borders between objects, from instance maps")
    encoder: EncoderPart | None = Field(
        default=None, description="encode how each object looks, so that it can be chosen; null: one picture per map"
    )

    @property
    def ids(self) -> int:
        """How many ids a label map may have."""
        return self.classes + self.unknown

    @model_validator(mode="after")
    def _in_8_bits(self) -> Self:
        if self.ids > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        return self


class Weights(kit.Config):
    """Loss coefficients. Critics' terms are means over their scales, where the official code has sums over two."""

    adversarial: float = Field(
        default=2.0, ge=0, description="the generator's, for being seen through; officially 1 for each scale"
    )
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="difference from the photograph in the critics' features, mean over all layers; officially 10, "
        "times 4 whatever the number of layers",
    )
    perceptual: float = Field(default=10.0, ge=0, description="the same in features of a network for photographs")
    critic_real: float = Field(default=1.0, ge=0, description="the critics', for photographs; half for each scale")
    critic_fake: float = Field(default=1.0, ge=0, description="the critics', for translations; half for each scale")
    penalty: float = Field(default=10.0, ge=0, description="the critics', for their gradients, if they have a penalty")
