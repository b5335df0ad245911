"""The networks that enlarge, as options: small ones, and those of the official codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

import img2imgkit as kit

if TYPE_CHECKING:
    import keras

Activation = Literal["prelu", "leaky_relu", "relu"]
CONVOLUTION = 1  # a step in what a network does: 3x3 pixels; any larger number enlarges so many times


class _Part(kit.Config):
    """What all have in common; each says what it does, step by step."""

    @property
    def multiple(self) -> int:
        """What height and width must be multiples of."""
        return 1

    @property
    def channels(self) -> tuple[int, ...]:
        """How many channels it can work on."""
        return (1, 3)

    def radius(self, scale: int) -> int:
        """How far an output pixel sees."""
        return around(self.steps(scale), self.multiple)

    def steps(self, scale: int) -> Sequence[int]:
        """Convolutions of 3x3 pixels, and enlargements, from the input to the output along the longest way."""
        raise NotImplementedError


class ResidualPart(_Part):
    """A small network of EDSR's blocks that adds to the nearest neighbour, see ``nn.residual_sr``."""

    kind: Literal["residual"] = "residual"
    width: int = Field(default=32, ge=1, description="filters of each convolution")
    blocks: int = Field(default=4, ge=0, description="residual blocks, of two convolutions each")
    activation: Activation = Field(default="prelu", description="between convolutions")

    def steps(self, scale: int) -> Sequence[int]:
        return [CONVOLUTION] * (2 * self.blocks + 2)

    def build(self, scale: int, channels: int) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import residual_sr

        return residual_sr(scale, self.width, self.blocks, self.activation, channels)


class CompactPart(_Part):
    """SRVGGNetCompact of Real-ESRGAN, a stack of convolutions, see ``nn.srvgg``."""

    kind: Literal["srvgg"] = "srvgg"
    width: int = Field(default=64, ge=1, description="filters of each convolution")
    depth: int = Field(default=16, ge=0, description="convolutions between the first and the last")
    activation: Activation = Field(default="prelu", description="between convolutions")

    def steps(self, scale: int) -> Sequence[int]:
        return [CONVOLUTION] * (self.depth + 2)

    def build(self, scale: int, channels: int) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import srvgg

        return srvgg(scale, self.width, self.depth, self.activation, channels)


class SrresnetPart(_Part):
    """MSRResNet, the baseline of ESRGAN, which adds to the bilinear enlargement, see ``nn.srresnet``."""

    kind: Literal["srresnet"] = "srresnet"
    width: int = Field(default=64, ge=1, description="filters of each convolution")
    blocks: int = Field(default=16, ge=0, description="residual blocks, of two convolutions each")

    def steps(self, scale: int) -> Sequence[int]:
        ups = [step for factor in factors(scale) for step in (CONVOLUTION, factor)]
        return [*[CONVOLUTION] * (2 * self.blocks + 1), *ups, CONVOLUTION, CONVOLUTION]

    def build(self, scale: int, channels: int) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import srresnet

        return srresnet(scale, self.width, self.blocks, channels)


class EdsrPart(_Part):
    """EDSR, see ``nn.edsr``: the small one by default; the large one has width 256, 32 blocks, residual_scale 0.1."""

    kind: Literal["edsr"] = "edsr"
    width: int = Field(default=64, ge=1, description="filters of each convolution")
    blocks: int = Field(default=16, ge=0, description="residual blocks, of two convolutions each")
    residual_scale: float = Field(default=1.0, gt=0, description="what a block adds counts so much")
    gain: float = Field(default=255.0, gt=0, description="the convolutions see colours less their mean, times this")
    mean: tuple[float, float, float] = Field(
        default=(0.4488, 0.4371, 0.4040), description="mean R, G and B of pictures, in the values that the network sees"
    )

    @property
    def channels(self) -> tuple[int, ...]:
        return (3,)

    def steps(self, scale: int) -> Sequence[int]:
        ups = [step for factor in factors(scale) for step in (CONVOLUTION, factor)]
        return [*[CONVOLUTION] * (2 * self.blocks + 2), *ups, CONVOLUTION]

    def build(self, scale: int, channels: int) -> keras.Model:
        """The network with fresh weights; its channels are those of ``mean``."""
        from img2imgkit.nn import edsr

        return edsr(scale, self.width, self.blocks, self.residual_scale, self.gain, self.mean)


class RrdbPart(_Part):
    """RRDBNet, the generator of ESRGAN and Real-ESRGAN, see ``nn.rrdb``."""

    kind: Literal["rrdb"] = "rrdb"
    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=23, ge=0, description="blocks, of 15 convolutions each; 6 in the network for drawings")
    growth: int = Field(default=32, ge=1, description="filters that each convolution inside a block adds")
    unshuffle: Literal[1, 2, 4] = Field(
        default=1, description="pixels on a side that become channels first: Real-ESRGAN has 2 for scale 2, 4 for 1"
    )

    @property
    def multiple(self) -> int:
        return self.unshuffle

    def steps(self, scale: int) -> Sequence[int]:
        ups = [step for factor in factors(scale * self.unshuffle) for step in (factor, CONVOLUTION)]
        return [*[CONVOLUTION] * (15 * self.blocks + 2), *ups, CONVOLUTION, CONVOLUTION]

    def build(self, scale: int, channels: int) -> keras.Model:
        """The network with fresh weights."""
        from img2imgkit.nn import rrdb

        return rrdb(scale, self.width, self.blocks, self.growth, self.unshuffle, channels)


Part = Annotated[ResidualPart | CompactPart | SrresnetPart | EdsrPart | RrdbPart, Field(discriminator="kind")]
OFFICIAL: dict[str, type[CompactPart | SrresnetPart | EdsrPart | RrdbPart]] = {
    "srvgg": CompactPart,
    "srresnet": SrresnetPart,
    "edsr": EdsrPart,
    "rrdb": RrdbPart,
}


def factors(scale: int) -> list[int]:
    """The enlargements that make a scale, 3 or a power of 2, as the networks do them: by 3, or by 2 again and again."""
    return [3] if scale == 3 else [2] * (scale.bit_length() - 1)


def around(steps: Sequence[int], unshuffle: int) -> int:
    """How many input pixels away from an input pixel lies the furthest one that its output depends on.

    Args:
        unshuffle: the steps work on squares of so many input pixels
    """
    scale = math.prod(steps) // unshuffle
    furthest = 0
    for place in range(unshuffle):  # of the pixel in its square
        first, last = place * scale, (place + 1) * scale - 1
        for step in reversed(steps):
            first, last = (first - 1, last + 1) if step == CONVOLUTION else (first // step, last // step)
        furthest = max(furthest, place - unshuffle * first, unshuffle * (last + 1) - 1 - place)
    return furthest
