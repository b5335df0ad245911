"""PixelGAN of pix2pix's official code: ``PixelDiscriminator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import (
    has_batch_norm,
    if_complete,
    without_instance_statistics,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Pixel"]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``pixel_critic``."""
    first = state.get("net.0.weight")
    if first is None or first.shape[2:] != (1, 1):
        return None
    norm = "batch" if has_batch_norm(state) else "instance" if "net.2.bias" in state else "none"
    options = {"channels": first.shape[1], "width": first.shape[0], "norm": norm}
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from (("net.0", "conv0"), ("net.2", "conv1"), ("net.5", "conv2"))
    if options["norm"] == "batch":
        yield "net.3", "norm1"


class Pixel(Architecture):
    """PixelGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004): scores each pixel."""

    name = "pixel"
    roles = ("critic",)
    uses = ("channels", "norm", "spectral")
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, without_instance_statistics)

    width: int = Field(default=64, ge=1, description="filters of the first layer")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=0, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.pixel.network import pixel_critic

        return pixel_critic(**self.arguments(spec))
