"""What can be chosen of SPADE: its networks, and what each loss term counts."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import Multiscale, Spade
from img2imgkit.importing import PerceptualNetwork

DOUBLINGS = {"normal": 5, "more": 6, "most": 7}


class StyleOptions(kit.Config):
    """An encoder of pictures' styles, and the code that a translation then has beside its label map."""

    latent: int = Field(default=256, ge=1, description="numbers in a code")
    width: int = Field(default=64, ge=1, description="filters of the encoder's first layer")
    size: tuple[int, int] = Field(
        default=(256, 256), description="height and width of training pictures; others begin with a resized map"
    )


class Options(kit.Config):
    """The labels, the networks, and how they play."""

    classes: int = Field(default=35, ge=1, le=255, description="how many classes there are: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' stands for pixels of no class")
    edges: bool = Field(default=True, description="show the networks the borders between objects, from instance maps")
    width: int = Field(default=64, ge=1, description="filters of the generator's last block")
    norm: Literal["batch", "instance"] = Field(
        default="batch", description="what the generator's features are normalized over, before labels modulate them"
    )
    spectral: bool = Field(default=True, description="spectral normalization of the generator's blocks")
    kernel: Literal[1, 3, 5] = Field(default=3, description="side of the convolutions that read the label map")
    upsampling: Literal["normal", "more", "most"] = Field(
        default="normal", description="doublings in the generator: 5, 6 or 7"
    )
    style: StyleOptions | None = Field(
        default=None, description="encode the style of a picture, so that it can be chosen; null: one picture per map"
    )
    critic: kit.ArchitectureChoice = kit.choice(
        "feature-critic", Multiscale(use_bias=False, init="xavier"), "the networks that judge"
    )
    adversary: Adversary = Field(
        default=Adversary(loss=Hinge(), spectral=True), description="how generator and critics play"
    )
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="the network of the perceptual loss")

    @property
    def channels(self) -> int:
        """Of what the generator reads: one for each class, and the edges."""
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
        """What the generator reads and writes."""
        return kit.NetworkSpec(self.channels, 3, norm=self.norm, spectral=self.spectral)

    @property
    def critic_spec(self) -> kit.NetworkSpec:
        """What the critics see: the label map and the picture together."""
        return kit.NetworkSpec(self.channels + 3, spectral=self.adversary.spectral)

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return int(2 ** DOUBLINGS[self.upsampling])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.classes + self.unknown > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        if self.upsampling == "most" and self.width < 2:
            raise ValueError("width: 2 at least with upsampling 'most', whose last block has half of it")
        for side in self.style.size if self.style else ():
            if side < 1 or side % self.multiple:
                raise ValueError(f"style.size: {side} is no multiple of {self.multiple}, as {self.upsampling!r} needs")
        return self


class Weights(kit.Config):
    """Loss coefficients."""

    adversarial: float = Field(default=1.0, ge=0, description="the generator's, for being seen through")
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="difference from the photograph in the critics' features, mean over all layers; officially 10 "
        "times the layers of one critic, one more than its halvings",
    )
    perceptual: float = Field(default=10.0, ge=0, description="the same in features of a network for photographs")
    kld: float = Field(
        default=0.05,
        ge=0,
        description="how far codes of styles are from being drawn, mean over the batch: officially the sum over it",
    )
    critic_real: float = Field(default=1.0, ge=0, description="the critics', for photographs")
    critic_fake: float = Field(default=1.0, ge=0, description="the critics', for translations")
    penalty: float = Field(default=10.0, ge=0, description="the critics', for their gradients, if they have a penalty")
