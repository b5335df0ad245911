"""RealPLKSR of neosr and traiNNer-redux: with normalization of layers or groups, with pixel shuffle or DySample."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

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
from img2imgkit.architectures.state_dict import if_complete, samples_in_our_order, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Realplksr"]

FEATURE = re.compile(r"feats\.(\d+)\..+")
SAMPLING = "to_img"
POSITIONS = f"{SAMPLING}.init_pos"
NORM_GROUPS = 4


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the convolution before the pixel shuffle, or what gives the positions of DySample's samples."""
    first = state.get("feats.0.weight")
    if first is None or first.ndim != 4:
        return dict(state)
    if POSITIONS not in state:
        return shuffled(state, re.compile(rf"feats\.{_last(state)}"), first.shape[1])
    return samples_in_our_order(state, SAMPLING, _sampling(state)[0])


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``realplksr``, see ``assumptions``."""
    number = _last(state)
    names = ("feats.0", f"feats.{number}", "feats.1.lk.conv", "feats.1.refine")
    first, last, large, refine = (state.get(f"{name}.weight") for name in names)
    if first is None or last is None or large is None or refine is None:
        return None
    if any(array.ndim != 4 for array in (first, last, large)):
        return None
    width, channels = first.shape[:2]
    sampled = POSITIONS in state
    scale, groups = _sampling(state) if sampled else (math.isqrt(len(last) // channels), 4)
    if channels * scale**2 != len(last) or groups < 1:
        return None
    options = {
        **{"scale": scale, "width": width, "blocks": number - 2, "channels": channels},
        **{"kernel_size": large.shape[2], "large": len(large), "attention": "feats.1.attn.f.0.weight" in state},
        **{"layer_norm": "feats.1.layer_norm.weight" in state, "norm_groups": NORM_GROUPS},
        **{"upsampler": "dysample" if sampled else "pixelshuffle", "sampling_groups": groups},
    }
    return if_complete(state, options, places) if options["blocks"] in range(1, len(state)) else None


def places(options: Arguments) -> Places:
    """Yield each module and its layer; dropout, without arrays, is the module before the last convolution."""
    yield "feats.0", "first"
    for number in range(options["blocks"]):
        module, layer = f"feats.{number + 1}", f"block{number}"
        yield (f"{module}.layer_norm" if options["layer_norm"] else f"{module}.norm"), f"{layer}_norm"
        yield f"{module}.channel_mixer.0", f"{layer}_mix0"
        yield f"{module}.channel_mixer.2", f"{layer}_mix1"
        yield f"{module}.lk.conv", f"{layer}_large"
        if options["attention"]:
            yield f"{module}.attn.f.0", f"{layer}_attention"
        yield f"{module}.refine", f"{layer}_refine"
    yield f"feats.{options['blocks'] + 2}", "last"
    if options["upsampler"] == "dysample":
        yield from (("to_img.offset", "offset"), ("to_img.scope", "scope"), ("to_img", "sampled"))
        if options["scale"] > 1:
            yield "to_img.end_conv", "end"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    if arguments["layer_norm"]:
        return ()
    groups = arguments["norm_groups"]
    text = f"channels are normalized in {groups} groups, the official norm_groups"
    return (Assumption("norm_groups", groups, (), text),)


def _last(state: State) -> int:
    return max((int(match[1]) for name in state if (match := FEATURE.fullmatch(name))), default=0)


def _sampling(state: State) -> tuple[int, int]:
    """Scale and groups of DySample: each group has two offsets for each pixel of a block."""
    last, end = state.get(f"feats.{_last(state)}.weight"), state.get("to_img.end_conv.weight")
    if last is None:
        return 0, 0
    scale = math.isqrt(len(last) // len(end)) if end is not None else 1
    return scale, state[POSITIONS].size // (2 * max(scale, 1) ** 2)


class Realplksr(Architecture):
    """RealPLKSR, with large kernels for a part of the channels (Lee et al. 2024, https://arxiv.org/abs/2404.11848).

    Group normalization and DySample depend on the whole picture, so tiles are not exact with either.
    """

    name = "realplksr"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=28, ge=1, description="blocks; 12 in the tiny network")
    kernel_size: int = Field(default=17, ge=1, description="size of the large kernels, odd; 13 in the tiny network")
    large: int = Field(default=16, ge=1, description="channels that the large kernels read and write, a part of width")
    attention: bool = Field(default=True, description="weight each element by a convolution of its block")
    layer_norm: bool = Field(
        default=True, description="normalize each pixel at the start of a block, instead of groups at its end"
    )
    norm_groups: int = Field(default=NORM_GROUPS, ge=1, description="groups of channels that are normalized together")
    upsampler: Literal["pixelshuffle", "dysample"] = Field(
        default="pixelshuffle", description="pixel shuffle, or samples at computed positions"
    )
    sampling_groups: int = Field(default=4, ge=1, description="groups of channels with samples of their own (dysample)")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        exact = self.layer_norm and self.upsampler == "pixelshuffle"
        radius = 2 + self.blocks * (2 + self.kernel_size // 2 + self.attention)
        return Geometry(spec.scale, radius=radius if exact else None, channels=spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if self.kernel_size % 2 == 0:
            return f"kernel_size {self.kernel_size}: expected an odd number"
        if self.large > self.width:
            return f"large {self.large}: there are only {self.width} filters"
        if not self.layer_norm and self.width % self.norm_groups:
            return f"norm_groups {self.norm_groups}: {self.width} filters cannot be divided into them"
        sampled = spec.channels * spec.scale**2
        if self.upsampler == "dysample" and sampled % self.sampling_groups:
            return f"sampling_groups {self.sampling_groups}: {sampled} channels cannot be divided into them"
        return ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.realplksr.network import realplksr

        return realplksr(**self.arguments(spec))
