"""A small network of EDSR's blocks, a residual on nearest-neighbour upsampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, NetworkSpec
from img2imgkit.architectures.receptive_field import CONVOLUTION, receptive_radius
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

    from img2imgkit.nn.enlarging import Activation

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
        return residual_sr(**self.arguments(spec))


def residual_sr(
    scale: int = 2, width: int = 32, blocks: int = 4, activation: Activation = "prelu", channels: int = 3
) -> keras.Model:
    """EDSR's residual blocks (Lim et al. 2017, https://arxiv.org/abs/1707.02921, section 3.1), without normalization.

    The output is the nearest-neighbour upsampled input plus a residual, almost 0 at initialization. The sum is float32
    under every precision policy.

    Shapes:
        (N, H, W, channels), any range -> (N, scale * H, scale * W, channels), the same range
    Departs from the paper: the shuffle is the last layer, as in ESPCN (Shi et al. 2016,
    https://arxiv.org/abs/1609.05158), so no convolution runs at high resolution; the long skip connects input and
    output; an activation follows the first convolution.

    >>> ops.shape(residual_sr(scale=2, width=4, blocks=1)(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.enlarging import activated, added_to_nearest

    source = keras.Input((None, None, channels), name="source")
    x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name="first")(source)
    x = activated(activation, "first_act")(x)  # (N, H, W, width)
    for number in range(blocks):
        x = _block(x, width, activation, f"block{number}")
    return keras.Model(source, added_to_nearest(x, source, scale, "last"), name="residual_sr")


def _block(x: Any, width: int, activation: Activation, name: str) -> Any:
    """Its second kernels are small: near-identity blocks at initialization make training of deep stacks stable."""
    import keras
    from keras import layers

    from img2imgkit.nn.enlarging import activated

    small = keras.initializers.VarianceScaling(0.2)
    y = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=f"{name}_conv0")(x)
    y = activated(activation, f"{name}_act")(y)
    y = layers.Conv2D(width, 3, padding="same", kernel_initializer=small, name=f"{name}_conv1")(y)
    return layers.Add(name=f"{name}_sum")([x, y])
