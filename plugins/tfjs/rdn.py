"""RDN, the residual dense network for super-resolution, as ISR and UpscalerJS build it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field

import img2imgkit as kit
from img2imgkit.architectures import if_complete, receptive_radius

if TYPE_CHECKING:
    import keras

HEAD_KERNEL = 5  # of the first convolution after the blocks' features were joined
DENSE = re.compile(r"F_(\d+)_(\d+)")


def places(arguments: Any) -> Any:
    """Yield each module, named as in ISR, and its layer."""
    names = ["F_m1", "F_0"]
    for block in range(1, arguments["blocks"] + 1):
        names += [f"F_{block}_{number}" for number in range(1, arguments["convolutions"] + 1)] + [f"LFF_{block}"]
    for name in (*names, "GFF_1", "GFF_2", "UPN1", "UPN2", "UPN3", "SR"):
        yield name, name


def recognise(state: Any) -> dict[str, Any] | None:
    """Read the arguments of ``rdn`` from names and shapes."""
    numbers = [tuple(map(int, match.groups())) for name in state if (match := DENSE.match(name))]
    kernels = [state.get(f"{name}.weight") for name in ("F_m1", "F_1_1", "UPN1", "UPN2", "UPN3", "SR")]
    if not numbers or any(kernel is None or kernel.ndim != 4 for kernel in kernels):
        return None
    first, dense, joined, narrow, spread, last = kernels
    scale = round((len(spread) / len(last)) ** 0.5)
    arguments = {
        "scale": scale,
        "width": len(first),
        "blocks": max(block for block, _ in numbers),
        "convolutions": max(number for _, number in numbers),
        "growth": len(dense),
        "head": (len(joined), len(narrow)),
        "channels": first.shape[1],
    }
    if scale**2 * len(last) != len(spread) or len(last) != first.shape[1] or len(numbers) > len(state):
        return None
    return if_complete(state, arguments, places)


class Rdn(kit.Architecture):
    """RDN (Zhang et al. 2018, https://arxiv.org/abs/1802.08797) as in ISR (https://github.com/idealo/image-super-resolution).

    Departs from the paper: after the blocks it repeats pixels of a map of few channels, and convolves them once more.
    """

    name = "rdn"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = kit.Checkpoint(recognise, places)

    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=20, ge=1, description="residual dense blocks")
    convolutions: int = Field(default=6, ge=1, description="convolutions of each block")
    growth: int = Field(default=64, ge=1, description="growth rate: filters that each of them adds")
    head: tuple[int, int] = Field(default=(64, 32), description="filters of the two convolutions after the blocks")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        before = 2 + self.blocks * self.convolutions + 1 + HEAD_KERNEL // 2 + 2  # 3 x 3 convolutions, or as wide
        return kit.Geometry(spec.scale, radius=receptive_radius([*[1] * before, spec.scale, 1]), channels=spec.channels)

    def build(self, spec: kit.NetworkSpec) -> keras.Model:
        return rdn(**self.arguments(spec))


def rdn(
    scale: int = 2,
    width: int = 64,
    blocks: int = 20,
    convolutions: int = 6,
    growth: int = 64,
    head: tuple[int, int] = (64, 32),
    channels: int = 3,
) -> keras.Model:
    """RDN of ISR.

    Shapes:
        (N, H, W, channels) in [0, 1] -> (N, scale * H, scale * W, channels)
    """
    import keras
    from keras import layers

    def convolved(x: Any, filters: int, kernel: int, name: str, relu: bool = False) -> Any:
        activation = "relu" if relu else None
        return layers.Conv2D(filters, kernel, padding="same", activation=activation, name=name)(x)

    source = keras.Input((None, None, channels), name="LR")
    first = convolved(source, width, 3, "F_m1")  # (N, H, W, width)
    x, made = convolved(first, width, 3, "F_0"), []
    for block in range(1, blocks + 1):
        dense = x
        for number in range(1, convolutions + 1):
            grown = convolved(dense, growth, 3, f"F_{block}_{number}", relu=True)
            dense = layers.Concatenate(name=f"RDB_{block}_{number}")([dense, grown])
        x = layers.Add(name=f"LRL_{block}")([convolved(dense, width, 1, f"LFF_{block}"), x])
        made.append(x)
    joined = layers.Concatenate(name="LRLs")(made) if len(made) > 1 else x
    fused = convolved(convolved(joined, width, 1, "GFF_1"), width, 3, "GFF_2")
    x = layers.Add(name="FDF")([fused, first])
    x = convolved(convolved(x, head[0], HEAD_KERNEL, "UPN1", relu=True), head[1], 3, "UPN2", relu=True)
    x = convolved(x, channels * scale**2, 3, "UPN3")
    x = layers.UpSampling2D(scale, interpolation="nearest", name="UPsample")(x)  # (N, scale * H, scale * W, ...)
    return keras.Model(source, layers.Conv2D(channels, 3, padding="same", dtype="float32", name="SR")(x), name="rdn")
