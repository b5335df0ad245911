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

    from img2imgkit.nn.layers.convolution import Init
    from img2imgkit.nn.layers.norm import Norm

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
        return pixel_critic(**self.arguments(spec))


def pixel_critic(
    channels: int = 3, width: int = 64, norm: Norm = "batch", spectral: bool = False, init: Init = "normal"
) -> keras.Model:
    """PixelGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004, section 6.1.2): three 1x1 convolutions.

    The scores are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) -> (N, H, W, 1), any range

    Args:
        spectral: spectral normalization of every convolution, see ``SpectralConv``
        init: kernel initializer, see ``initializer``

    >>> ops.shape(pixel_critic(width=2)(ops.zeros((1, 5, 6, 3))))
    (1, 5, 6, 1)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.layers import SpectralConv, initializer, normalized

    use_bias = norm == "instance" or (spectral and norm == "none")
    layer = SpectralConv if spectral else layers.Conv2D

    def conv(x: Any, filters: int, name: str, **options: Any) -> Any:
        return layer(filters, 1, kernel_initializer=initializer(init), name=name, **options)(x)

    source = keras.Input((None, None, channels), name="source")
    x = layers.LeakyReLU(0.2, name="act0")(conv(source, width, "conv0"))
    x = normalized(conv(x, 2 * width, "conv1", use_bias=use_bias), norm, "norm1")
    x = layers.LeakyReLU(0.2, name="act1")(x)
    scores = conv(x, 1, "conv2", use_bias=use_bias, dtype="float32")
    return keras.Model(source, scores, name="pixel_critic")
