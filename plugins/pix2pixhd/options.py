"""The options and loss coefficients of pix2pixHD."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Lsgan
from img2imgkit.architectures import Multiscale, Pix2PixHd
from img2imgkit.importing import PerceptualNetwork

Norm = Literal["batch", "instance"]


class EncoderOptions(kit.Config):
    """An encoder of each object's appearance, which a translation can then choose."""

    features: int = Field(default=3, ge=1, description="dimensions of an object's features")
    width: int = Field(default=16, ge=1, description="filters at full resolution")
    downs: int = Field(default=4, ge=1, description="downsampling steps")
    clusters: int = Field(
        default=10,
        ge=1,
        description="appearances of each class to choose from: clusters of features, computed after training",
    )


class NetworkOptions(kit.Config):
    """The networks and the adversarial training."""

    generator: kit.ArchitectureChoice = kit.choice("coarse-to-fine", Pix2PixHd(), "architecture of the generator")
    critic: kit.ArchitectureChoice = kit.choice("feature-critic", Multiscale(), "architecture of the critics")
    norm: Norm = Field(default="instance", description="normalization of all networks")
    adversary: Adversary = Field(
        default=Adversary(loss=Lsgan()), description="the critics' loss, gradient penalty and augmentations"
    )
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="network of the perceptual loss")


class PhotoOptions(NetworkOptions):
    """The pictures, the networks and the adversarial training."""

    channels: Literal[1, 3] = Field(default=3, description="channels of the source: 1 is grey")


class LabelOptions(NetworkOptions):
    """The label maps, the networks and the adversarial training."""

    classes: int = Field(default=35, ge=1, le=255, description="number of classes: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' marks pixels without a class")
    edges: bool = Field(
        default=True, description="add an edge map of the boundaries between objects, computed from instance maps"
    )
    encoder: EncoderOptions | None = Field(
        default=None,
        description="encoder of each object's appearance, which can then be chosen; null: one result per map",
    )

    @property
    def ids(self) -> int:
        """The number of ids in a label map."""
        return self.classes + self.unknown

    @model_validator(mode="after")
    def _in_8_bits(self) -> Self:
        if self.ids > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        return self


class Weights(kit.Config):
    """Loss coefficients. Terms of critics are means over scales; in the official code, sums over two."""

    adversarial: float = Field(
        default=2.0, ge=0, description="the generator's adversarial loss; officially 1 for each scale"
    )
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="feature-matching loss with the critics' features, mean over all layers; officially 10 "
        "times 4 for any number of layers",
    )
    perceptual: float = Field(default=10.0, ge=0, description="perceptual loss, with the network of 'features'")
    critic_real: float = Field(
        default=1.0, ge=0, description="the critics' loss on photographs; officially 0.5 for each scale"
    )
    critic_fake: float = Field(
        default=1.0, ge=0, description="the critics' loss on translations; officially 0.5 for each scale"
    )
    penalty: float = Field(default=10.0, ge=0, description="the critics' gradient penalty, if they have one")
