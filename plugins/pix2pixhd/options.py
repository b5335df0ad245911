"""What can be chosen of pix2pixHD: its networks, and what each loss term counts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Lsgan
from img2imgkit.architectures import Multiscale, Pix2PixHd
from img2imgkit.importing import PerceptualNetwork

Norm = Literal["batch", "instance"]


class EncoderOptions(kit.Config):
    """An encoder of how each object looks, which lets a translation choose it."""

    features: int = Field(default=3, ge=1, description="numbers that describe an object")
    width: int = Field(default=16, ge=1, description="filters at full size")
    downs: int = Field(default=4, ge=1, description="halvings")
    clusters: int = Field(default=10, ge=1, description="looks of each class to choose from, found after the training")


class NetworkOptions(kit.Config):
    """The networks, and how they play."""

    generator: kit.ArchitectureChoice = kit.choice("coarse-to-fine", Pix2PixHd(), "the networks that translate")
    critic: kit.ArchitectureChoice = kit.choice("feature-critic", Multiscale(), "the networks that judge")
    norm: Norm = Field(default="instance", description="normalization of all networks")
    adversary: Adversary = Field(default=Adversary(loss=Lsgan()), description="how generator and critics play")
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="the network of the perceptual loss")


class PhotoOptions(NetworkOptions):
    """The pictures, the networks, and how they play."""

    channels: Literal[1, 3] = Field(default=3, description="of the source: 1 is grey")


class LabelOptions(NetworkOptions):
    """The labels, the networks, and how they play."""

    classes: int = Field(default=35, ge=1, le=255, description="how many classes there are: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' stands for pixels of no class")
    edges: bool = Field(default=True, description="show the networks the borders between objects, from instance maps")
    encoder: EncoderOptions | None = Field(
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
