"""SPAN, whose checkpoints hold the branches that training needs, or only the convolutions that replace them."""

from __future__ import annotations

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
from img2imgkit.architectures.mean_colour import DIV2K, Colour, Gain, colour_assumptions
from img2imgkit.architectures.mixed_channels import enlarging_geometry, written_before_shuffle
from img2imgkit.architectures.state_dict import if_complete, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Span"]

SKIP = ".sk.weight"
BRANCH = ("sk", "conv.0", "conv.1", "conv.2")  # a 1x1 convolution beside three: 1x1, 3x3, 1x1
WHOLE = "eval_conv"
BLOCKS, INSIDE = 6, 3
NOT_CENTRED = "no_norm"  # an array of this name marks networks that do not subtract a mean


def collapsed(state: State) -> dict[str, np.ndarray]:
    """Replace the branches of each convolution by the one 3x3 convolution that computes the same, and reorder the last.

    Stored 3x3 convolutions are used only without branches, since the official code computes them anew each time.
    """
    found = dict(state)
    for module in [name.removesuffix(SKIP) for name in state if name.endswith(SKIP)]:
        own = [f"{module}.{each}.{leaf}" for each in BRANCH for leaf in ("weight", "bias")]
        parts = [state[name] for name in own if name in state]
        if len(parts) == len(own) and (made := _whole(*parts)):
            found = {name: array for name, array in found.items() if name not in own}
            found |= dict(zip((f"{module}.{WHOLE}.weight", f"{module}.{WHOLE}.bias"), made, strict=True))
    first, last = found.get(f"conv_1.{WHOLE}.weight"), found.get("upsampler.0.weight")
    if first is None or last is None or first.ndim != 4:
        return dict(state)
    written = written_before_shuffle(len(last), first.shape[1])
    return shuffled(found, re.compile(r"upsampler\.0"), written[0]) if written else found


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``span``, see ``assumptions``."""
    first, last = state.get(f"conv_1.{WHOLE}.weight"), state.get("upsampler.0.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    width, channels = first.shape[:2]
    written = written_before_shuffle(len(last), channels)
    if written is None:
        return None
    centred = NOT_CENTRED not in state and channels == len(DIV2K)
    sizes = {"scale": written[1], "width": width, "channels": channels, "out_channels": written[0]}
    return if_complete(state, {**sizes, "centred": centred, "gain": 255.0, "mean": DIV2K}, places)


def places(options: Arguments) -> Places:
    """Yield each module, as ``collapsed``, and its layer."""
    yield f"conv_1.{WHOLE}", "first"
    for number in range(BLOCKS):
        for inside in range(INSIDE):
            yield f"block_{number + 1}.c{inside + 1}_r.{WHOLE}", f"block{number}_conv{inside}"
    yield f"conv_2.{WHOLE}", "body"
    yield "conv_cat", "joined"
    yield "upsampler.0", "last"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    return colour_assumptions(arguments) if arguments["centred"] else ()


def _whole(*parts: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Kernel and bias of the 3x3 convolution; None if the branches do not fit together.

    Args:
        parts: weight and bias of each of ``BRANCH``
    """
    skip, skip_bias, first, first_bias, second, second_bias, third, third_bias = (
        np.asarray(each, np.float64) for each in parts
    )
    inner, outer = len(first), len(second)
    read, written = first.shape[1:2], len(third)
    kernels = [(written, *read, 1, 1), (inner, *read, 1, 1), (outer, inner, 3, 3), (written, outer, 1, 1)]
    biases = [(written,), (inner,), (outer,), (written,)]
    if [each.shape for each in parts[::2]] != kernels or [each.shape for each in parts[1::2]] != biases:
        return None
    behind_first = np.tensordot(second, first[..., 0, 0], (1, 0))  # (outer, 3, 3, read)
    kernel = np.tensordot(third[..., 0, 0], behind_first, 1).transpose(0, 3, 1, 2)
    kernel[:, :, 1, 1] += skip[..., 0, 0]
    inside = np.tensordot(second.sum(axis=(2, 3)), first_bias, 1) + second_bias
    bias = third[..., 0, 0] @ inside + third_bias + skip_bias
    return kernel.astype(np.float32), bias.astype(np.float32)


class Span(Architecture):
    """SPAN (Wan et al. 2023, https://arxiv.org/abs/2311.12770)."""

    name = "span"
    roles = ("enlarger",)
    uses = ("scale", "channels", "out_channels")
    checkpoint = Checkpoint(recognise, places, collapsed, assumptions)

    width: int = Field(default=48, ge=1, description="filters of each convolution")
    centred: bool = Field(default=True, description="subtract a mean colour from the input, and scale it")
    gain: Gain = 255.0
    mean: Colour = DIV2K

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return enlarging_geometry(spec, BLOCKS * INSIDE + 3)

    def problem(self, spec: NetworkSpec) -> str:
        fits = not self.centred or spec.channels == len(self.mean)
        return "" if fits else f"centred networks have 3 channels, not {spec.channels}: set centred to false"

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.span.network import span

        return span(**self.arguments(spec))
