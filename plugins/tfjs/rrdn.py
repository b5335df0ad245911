"""RRDN, the generator of ESRGAN, as ISR and UpscalerJS build it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field

import img2imgkit as kit
from img2imgkit.architectures import if_complete, receptive_radius

if TYPE_CHECKING:
    import keras

BETA = 0.2  # what residuals are multiplied by
DENSE = re.compile(r"F_(\d+)_(\d+)_(\d+)")


def places(arguments: Any) -> Any:
    """Yield each module, named as in ISR, and its layer."""
    names = ["Pre_blocks_conv"]
    for block in range(1, arguments["blocks"] + 1):
        for dense in range(1, arguments["dense_blocks"] + 1):
            names += [f"F_{block}_{dense}_{number}" for number in range(1, arguments["convolutions"] + 1)]
            names.append(f"LFF_{block}_{dense}")
    for name in (*names, "post_blocks_conv", "PreShuffle", "SR"):
        yield name, name


def recognise(state: Any) -> dict[str, Any] | None:
    """Read the arguments of ``rrdn`` from names and shapes."""
    numbers = [tuple(map(int, match.groups())) for name in state if (match := DENSE.match(name))]
    kernels = [state.get(f"{name}.weight") for name in ("Pre_blocks_conv", "F_1_1_1", "PreShuffle", "SR")]
    if not numbers or any(kernel is None or kernel.ndim != 4 for kernel in kernels):
        return None
    first, dense, spread, last = kernels
    scale = round((len(spread) / len(last)) ** 0.5)
    blocks, dense_blocks, convolutions = (max(each) for each in zip(*numbers, strict=True))
    arguments = {
        "scale": scale,
        "width": len(first),
        "blocks": blocks,
        "dense_blocks": dense_blocks,
        "convolutions": convolutions,
        "growth": len(dense),
        "channels": first.shape[1],
    }
    if scale**2 * len(last) != len(spread) or len(last) != first.shape[1] or len(numbers) > len(state):
        return None
    return if_complete(state, arguments, places)


class Rrdn(kit.Architecture):
    """RRDN (Wang et al. 2018, https://arxiv.org/abs/1809.00219) as in ISR (https://github.com/idealo/image-super-resolution).

    Departs from the paper: blocks have four convolutions and ReLU, and one pixel shuffle enlarges, whatever the scale.
    """

    name = "rrdn"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = kit.Checkpoint(recognise, places)

    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=10, ge=1, description="residual-in-residual dense blocks")
    dense_blocks: int = Field(default=3, ge=1, description="residual dense blocks of each of them")
    convolutions: int = Field(default=4, ge=1, description="convolutions of each residual dense block")
    growth: int = Field(default=32, ge=1, description="growth rate: filters that each of them adds")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        before = 3 + self.blocks * self.dense_blocks * (self.convolutions + 1)  # 3 x 3 convolutions
        return kit.Geometry(spec.scale, radius=receptive_radius([*[1] * before, spec.scale, 1]), channels=spec.channels)

    def build(self, spec: kit.NetworkSpec) -> keras.Model:
        return rrdn(**self.arguments(spec))


def rrdn(
    scale: int = 2,
    width: int = 64,
    blocks: int = 10,
    dense_blocks: int = 3,
    convolutions: int = 4,
    growth: int = 32,
    channels: int = 3,
) -> keras.Model:
    """RRDN of ISR.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels)
    """
    import keras
    from keras import layers

    from img2imgkit.nn import PixelShuffle

    def convolved(x: Any, filters: int, name: str, relu: bool = False) -> Any:
        activation = "relu" if relu else None
        return layers.Conv2D(filters, 3, padding="same", activation=activation, name=name)(x)

    def added(x: Any, residual: Any, name: str) -> Any:
        return layers.Add(name=name)([x, layers.Rescaling(BETA, name=f"{name}_weighted")(residual)])

    source = keras.Input((None, None, channels), name="LR_input")
    first = x = convolved(source, width, "Pre_blocks_conv")  # (N, H, W, width)
    for block in range(1, blocks + 1):
        before = x
        for dense in range(1, dense_blocks + 1):
            joined = x
            for number in range(1, convolutions + 1):
                place = f"{block}_{dense}_{number}"
                grown = convolved(joined, growth, f"F_{place}", relu=True)
                joined = layers.Concatenate(name=f"RDB_{place}")([joined, grown])
            x = added(x, convolved(joined, width, f"LFF_{block}_{dense}"), f"LRL_{block}_{dense}")
        x = added(before, x, f"RRDB_{block}")
    x = layers.Add(name="GRL")([convolved(x, width, "post_blocks_conv"), first])
    x = PixelShuffle(scale, name="shuffle")(convolved(x, channels * scale**2, "PreShuffle"))
    return keras.Model(source, layers.Conv2D(channels, 3, padding="same", dtype="float32", name="SR")(x), name="rrdn")
