"""PLKSR of its own code, and of neosr and traiNNer-redux."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Assumption,
    Checkpoint,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.plksr.mixers import Mixer, kernel_sizes, mixer_of
from img2imgkit.architectures.state_dict import if_complete, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Mixer", "Plksr", "kernel_sizes", "mixer_of"]

FEATURE = re.compile(r"feats\.(\d+)\..+")
MIXER = (".channe_mixer.", ".channel_mixer.")  # in its own code, and in the other two


def renamed(state: State) -> dict[str, np.ndarray]:
    """Rename to the names of neosr, and reorder the convolution before the pixel shuffle."""
    found = {name.replace(*MIXER): array for name, array in state.items()}
    first = found.get("feats.0.weight")
    if first is None or first.ndim != 4:
        return found
    return shuffled(found, re.compile(rf"feats\.{_last(found)}"), first.shape[1])


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``plksr``, see ``assumptions``."""
    number = _last(state)
    inside = ("channel_mixer.0", "channel_mixer.2", "lk.conv")
    names = ("feats.0", f"feats.{number}", *(f"feats.1.{module}" for module in inside))
    first, last, *rest = (state.get(f"{name}.weight") for name in names)
    if first is None or last is None or any(array is None or array.ndim != 4 for array in (first, last, *rest)):
        return None
    before, after, large = (array for array in rest if array is not None)
    width, channels = first.shape[:2]
    mixer, scale = mixer_of(before.shape[2], after.shape[2]), math.isqrt(len(last) // channels)
    if mixer is None or channels * scale**2 != len(last):
        return None
    options = {
        **{"scale": scale, "width": width, "blocks": number - 1, "channels": channels, "mixer": mixer},
        **{"kernel_size": large.shape[2], "large": len(large), "attention": "feats.1.attn.f.0.weight" in state},
    }
    return if_complete(state, options, places) if options["blocks"] in range(1, len(state)) else None


def places(options: Arguments) -> Places:
    """Yield each module, as ``renamed``, and its layer."""
    yield "feats.0", "first"
    for number in range(options["blocks"]):
        module, layer = f"feats.{number + 1}", f"block{number}"
        yield f"{module}.channel_mixer.0", f"{layer}_mix0"
        yield f"{module}.channel_mixer.2", f"{layer}_mix1"
        yield f"{module}.lk.conv", f"{layer}_large"
        if options["attention"]:
            yield f"{module}.attn.f.0", f"{layer}_attention"
        yield f"{module}.refine", f"{layer}_refine"
    yield f"feats.{options['blocks'] + 1}", "last"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    text = "the large kernels replace what they read, as in the official networks, whose with_idt is False"
    return (Assumption("identity", False, (True,), text),)


def _last(state: State) -> int:
    return max((int(match[1]) for name in state if (match := FEATURE.fullmatch(name))), default=0)


class Plksr(Architecture):
    """PLKSR, with large kernels for a part of the channels (Lee et al. 2024, https://arxiv.org/abs/2404.11848).

    The default is the network of the paper; the tiny one has 12 blocks and kernels of 13 pixels.
    """

    name = "plksr"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, renamed, assumptions)

    width: int = Field(default=64, ge=1, description="filters between the blocks (dim)")
    blocks: int = Field(default=28, ge=1, description="blocks (n_blocks)")
    mixer: Mixer = Field(
        default="doubled",
        description="3x3 kernels in both of a block's first two convolutions, in the first (plain) or in the second "
        "(inverted); the other ones have 1x1 (ccm_type)",
    )
    kernel_size: int = Field(default=17, ge=1, description="size of the large kernels, odd")
    large: int = Field(default=16, ge=1, description="channels that the large kernels read and write, a part of width")
    identity: bool = Field(
        default=False, description="add these channels to what the large kernels make of them (with_idt)"
    )
    attention: bool = Field(default=True, description="weight each element by a convolution of its block (use_ea)")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        mixed = sum(size // 2 for size in kernel_sizes(self.mixer))
        radius = 2 + self.blocks * (mixed + self.kernel_size // 2 + self.attention)
        return Geometry(spec.scale, radius=radius, channels=spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if self.kernel_size % 2 == 0:
            return f"kernel_size {self.kernel_size}: expected an odd number"
        return f"large {self.large}: there are only {self.width} filters" if self.large > self.width else ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.plksr.network import plksr

        return plksr(**self.arguments(spec))
