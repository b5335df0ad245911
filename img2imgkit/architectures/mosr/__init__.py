"""MoSR of neosr and traiNNer-redux, with each of its upsamplers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.mixed_channels import are_possible, enlarging_geometry, written_before_shuffle
from img2imgkit.architectures.state_dict import if_complete, samples_in_our_order, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Mosr"]

BODY = re.compile(r"gblocks\.(\d+)\..+")
DEPTHWISE = re.compile(r"gblocks\.\d+\.conv\.weight")
BEFORE_SHUFFLE = "upsampler.0"
AVERAGED, TIMES = "upsampler.in_to_k", 8  # the convolution before a shuffle of the mean of eight
SAMPLING = "upsampler"
GROUPS = 4  # of DySample's channels
AFTER = 6  # modules besides blocks: a convolution before them, and five layers after them


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the upsampler, with a mean of eight convolutions as one, and the depthwise kernels."""
    first = state.get("gblocks.0.weight")
    if first is None or first.ndim != 4:
        return dict(state)
    found = {name: np.swapaxes(array, 0, 1) if _is_depthwise(name, array) else array for name, array in state.items()}
    for leaf in ("weight", "bias"):
        name = f"{AVERAGED}.{leaf}"
        if name in found and len(found[name]) % TIMES == 0:
            each = found.pop(name)
            mean = each.reshape(TIMES, -1, *each.shape[1:]).mean(axis=0, dtype=np.float64)
            found[f"{BEFORE_SHUFFLE}.{leaf}"] = mean.astype(each.dtype)
    last = found.get(f"{BEFORE_SHUFFLE}.weight")
    if last is not None and (written := written_before_shuffle(len(last), first.shape[1])):
        found = shuffled(found, re.compile(re.escape(BEFORE_SHUFFLE)), written[0])
    return samples_in_our_order(found, SAMPLING, _sampling_scale(found))


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``mosr``."""
    names = ("gblocks.0", "gblocks.1.fc1", "gblocks.1.conv", "gblocks.1.norm")
    first, inside, depthwise, norm = (state.get(f"{name}.weight") for name in names)
    if first is None or inside is None or depthwise is None or norm is None:
        return None
    if any(array.ndim != 4 for array in (first, inside, depthwise)):
        return None
    width, channels = first.shape[:2]
    last, end = state.get(f"{BEFORE_SHUFFLE}.weight"), state.get(f"{SAMPLING}.end_conv.weight")
    if last is not None:
        written = written_before_shuffle(len(last), channels)
    else:
        written = None if end is None else (len(end), _sampling_scale(state))
    if written is None or written[1] < 1 or not are_possible(channels, written[0]):
        return None
    options = {
        **{"scale": written[1], "width": width, "channels": channels, "out_channels": written[0]},
        "blocks": 1 + max(int(match[1]) for name in state if (match := BODY.fullmatch(name))) - AFTER,
        **{"hidden": len(inside) // 2, "convolved": max(depthwise.shape[:2]), "kernel_size": depthwise.shape[2]},
        "upsampler": "pixelshuffle" if last is not None else "dysample",
    }
    return if_complete(state, options, places) if options["blocks"] in range(1, len(state)) else None


def places(options: Arguments) -> Places:
    """Yield each module, as ``in_our_order``, and its layer."""
    count = options["blocks"]
    yield "gblocks.0", "first"
    for number in range(count):
        for module, layer in (("norm", "norm"), ("fc1", "conv0"), ("conv", "depthwise"), ("fc2", "conv1")):
            yield f"gblocks.{number + 1}.{module}", f"block{number}_{layer}"
    yield from ((f"gblocks.{count + 1 + 2 * number}", f"body{number}") for number in range(3))
    yield from (("shortcut.block.0", "skip0"), ("shortcut.block.2", "skip1"), ("shortcut.conv11", "skip"))
    if options["upsampler"] == "pixelshuffle":
        yield BEFORE_SHUFFLE, "last"
        return
    yield from ((f"{SAMPLING}.offset", "offset"), (f"{SAMPLING}.scope", "scope"), (SAMPLING, "sampled"))
    yield f"{SAMPLING}.end_conv", "last"


def _is_depthwise(name: str, array: np.ndarray) -> bool:
    """Whether it is a depthwise kernel in PyTorch's order."""
    return bool(DEPTHWISE.fullmatch(name)) and array.ndim == 4 and array.shape[1] == 1


def _sampling_scale(state: State) -> int:
    positions = state.get(f"{SAMPLING}.init_pos")
    return 0 if positions is None else math.isqrt(positions.size // (2 * GROUPS))


class Mosr(Architecture):
    """MoSR: gated convolutions of MambaOut (https://arxiv.org/abs/2405.07992) for super-resolution.

    DySample depends on the whole picture, so tiles are not exact with it.
    """

    name = "mosr"
    roles = ("enlarger",)
    uses = ("scale", "channels", "out_channels")
    checkpoint = Checkpoint(recognise, places, in_our_order)

    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=24, ge=1, description="gated blocks; 5 in the tiny network, of width 48")
    hidden: int = Field(default=96, ge=1, description="filters inside the blocks, and as many that gate them")
    convolved: int = Field(default=64, ge=1, description="how many of these pass through a depthwise convolution")
    kernel_size: int = Field(default=7, ge=1, description="size of the depthwise kernels, odd")
    upsampler: Literal["pixelshuffle", "dysample"] = Field(
        default="pixelshuffle", description="pixel shuffle, or samples at computed positions"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        radius = self.blocks * (2 + self.kernel_size // 2) + 4
        return enlarging_geometry(spec, radius if self.upsampler == "pixelshuffle" else None)

    def problem(self, spec: NetworkSpec) -> str:
        if self.kernel_size % 2 == 0:
            return f"kernel_size {self.kernel_size}: expected an odd number"
        if self.convolved > self.hidden:
            return f"convolved {self.convolved}: there are only {self.hidden} filters"
        if self.upsampler == "dysample" and self.width % GROUPS:
            return f"width {self.width}: dysample needs a multiple of {GROUPS}"
        return ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.mosr.network import mosr

        return mosr(**self.arguments(spec))
