"""A small network of EDSR's blocks, a residual on nearest-neighbour upsampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, NetworkSpec
from img2imgkit.architectures.receptive_field import CONVOLUTION, receptive_radius
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Residual"]


class Residual(Architecture):
    """A few residual blocks of EDSR (Lim et al. 2017, https://arxiv.org/abs/1707.02921)."""

    name = "residual"
    roles = ("enlarger",)
    uses = ("scale", "channels")

    width: int = Field(default=32, ge=1, description="filters of each convolution")
    blocks: int = Field(default=4, ge=0, description="residual blocks, of two convolutions each")
    activation: Literal["prelu", "leaky_relu", "relu"] = Field(
        default="prelu", description="activation between convolutions"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        radius = receptive_radius([*[CONVOLUTION] * (2 * self.blocks + 2), spec.scale])
        return Geometry(spec.scale, radius=radius, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.residual.network import residual_sr

        return residual_sr(**self.arguments(spec))
