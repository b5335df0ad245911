"""The options and loss coefficients of SPADE."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import Multiscale, Spade
from img2imgkit.importing import PerceptualNetwork

DOUBLINGS = {"normal": 5, "more": 6, "most": 7}


class StyleOptions(kit.Config):
    """The style encoder and the style code."""

    latent: int = Field(default=256, ge=1, description="dimensions of the style code")
    width: int = Field(default=64, ge=1, description="filters of the encoder's first layer")
    size: tuple[int, int] = Field(
        default=(256, 256),
        description="height and width of training pictures; for other sizes the initial feature map is resized",
    )


class Options(kit.Config):
    """The label maps, the networks and the adversarial training."""

    classes: int = Field(default=35, ge=1, le=255, description="number of classes: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' marks pixels without a class")
    edges: bool = Field(
        default=True, description="add an edge map of the boundaries between objects, computed from instance maps"
    )
    width: int = Field(default=64, ge=1, description="filters of the generator's last block")
    norm: Literal["batch", "instance"] = Field(
        default="batch", description="normalization of the generator's features before modulation by the label map"
    )
    spectral: bool = Field(default=True, description="spectral normalization of the generator's blocks")
    kernel: Literal[1, 3, 5] = Field(default=3, description="kernel size of the convolutions on the label map")
    upsampling: Literal["normal", "more", "most"] = Field(
        default="normal", description="upsampling steps of the generator: 5, 6 or 7"
    )
    style: StyleOptions | None = Field(
        default=None, description="encoder of a picture's style, which can then be chosen; null: one result per map"
    )
    critic: kit.ArchitectureChoice = kit.choice(
        "feature-critic", Multiscale(use_bias=False, init="xavier"), "architecture of the critics"
    )
    adversary: Adversary = Field(
        default=Adversary(loss=Hinge(), spectral=True),
        description="the critics' loss, gradient penalty and augmentations",
    )
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="network of the perceptual loss")

    @property
    def channels(self) -> int:
        """The generator's input channels: one for each class, and the edge map."""
        return self.classes + self.unknown + self.edges

    @property
    def generator(self) -> Spade:
        """The architecture of the generator."""
        unit = 2 ** DOUBLINGS[self.upsampling]
        own: dict[str, Any] = {"width": self.width, "kernel_size": self.kernel, "upsampling": self.upsampling}
        if self.style:
            height, width = self.style.size
            own |= {"latent": self.style.latent, "size": (height // unit, width // unit)}
        return Spade(**own)

    @property
    def generator_spec(self) -> kit.NetworkSpec:
        """The spec of the generator."""
        return kit.NetworkSpec(self.channels, 3, norm=self.norm, spectral=self.spectral)

    @property
    def critic_spec(self) -> kit.NetworkSpec:
        """The spec of the critics, which see label map and picture together."""
        return kit.NetworkSpec(self.channels + 3, spectral=self.adversary.spectral)

    @property
    def multiple(self) -> int:
        """The number that height and width must be multiples of."""
        return int(2 ** DOUBLINGS[self.upsampling])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.classes + self.unknown > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        if self.upsampling == "most" and self.width < 2:
            raise ValueError("width: upsampling 'most' needs 2 at least, since its last block has half as many filters")
        for side in self.style.size if self.style else ():
            if side < 1 or side % self.multiple:
                raise ValueError(
                    f"style.size: {side} is not a multiple of {self.multiple}, as upsampling {self.upsampling!r} needs"
                )
        return self


class Weights(kit.Config):
    """Loss coefficients."""

    adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="feature-matching loss with the critics' features, mean over all layers; officially 10 "
        "times the layers of one critic, one more than its downsampling steps",
    )
    perceptual: float = Field(default=10.0, ge=0, description="perceptual loss, with the network of 'features'")
    kld: float = Field(
        default=0.05,
        ge=0,
        description="KL divergence of style codes from the prior, mean over the batch; officially the sum",
    )
    critic_real: float = Field(default=1.0, ge=0, description="the critics' loss on photographs")
    critic_fake: float = Field(default=1.0, ge=0, description="the critics' loss on translations")
    penalty: float = Field(default=10.0, ge=0, description="the critics' gradient penalty, if they have one")
