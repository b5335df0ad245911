"""Omni-SR, and its official checkpoints."""

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
from img2imgkit.architectures.state_dict import if_complete, shuffled
from img2imgkit.architectures.transformer_layout import block_places, window_of
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Omnisr"]

BLOCK = re.compile(r"residual_layer\.(\d+)\.residual_layer\.(\d+)\.layer\..+")
TABLE = "residual_layer.0.residual_layer.0.layer.2.fn.relative_position_bias_table"
WINDOW = 8  # of the official networks
LEAST = 15  # pixels that the convolutions and the pooling of spatial attention need
HEADS = 4  # at least as many channels
CONVS = {"fn.0": "expand", "fn.2": "local", "fn.4.gate.1": "squeeze", "fn.4.gate.3": "excite", "fn.5": "reduce"}
PLACES = {"norm": "norm", "fn.to_qkv": "qkv", "fn.to_out.0": "projection"}
CHANNELS = {
    **{"norm": "norm", "fn": "attention", "fn.qkv": "qkv", "fn.qkv_dwconv": "qkv_local"},
    "fn.project_out": "projection",
}
FORWARD = {"norm": "norm", "fn.project_in": "expand", "fn.dwconv": "local", "fn.project_out": "reduce"}
SPATIAL = {f"esa.{module}": module for module in ("conv1", "conv_f", "conv2", "conv3", "conv4")}
HALF = (PLACES, FORWARD, CHANNELS, FORWARD)
PARTS = (*zip((2, 4, 5, 6), HALF, strict=True), *zip((8, 10, 11, 12), HALF, strict=True))


def renamed(state: State) -> dict[str, np.ndarray]:
    """Name the position biases as Swin transformers do, and reorder the convolution before the pixel shuffle."""
    first = state.get("input.weight")
    named = {
        name.replace(".rel_pos_bias.weight", ".relative_position_bias_table"): array for name, array in state.items()
    }
    return named if first is None or first.ndim != 4 else shuffled(named, re.compile(r"up\.0"), first.shape[1])


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``omnisr``, see ``assumptions``."""
    first, last = state.get("input.weight"), state.get("up.0.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    width, channels = first.shape[:2]
    blocks = {(match[1], match[2]) for name in state if (match := BLOCK.fullmatch(name))}
    groups = len({group for group, _ in blocks})
    if not groups or width < HEADS or len(last) < channels:
        return None
    options = {
        **{"scale": math.isqrt(len(last) // channels), "channels": channels, "width": width},
        **{"groups": groups, "blocks": len(blocks) // groups, "bias": "input.bias" in state},
        "position_bias": TABLE in state,
    }
    if (window := window_of(state.get(TABLE))) is not None:
        options["window"] = window
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from (("input", "first"), ("output", "body"), ("up.0", "last"))
    for group in range(options["groups"]):
        inside, layer = f"residual_layer.{group}", f"group{group}"
        for number in range(options["blocks"]):
            yield from _block_places(
                f"{inside}.residual_layer.{number}.layer", f"{layer}_block{number}", options["position_bias"]
            )
        yield f"{inside}.residual_layer.{options['blocks']}", f"{layer}_conv"
        yield from block_places(inside, layer, SPATIAL)


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    if "window" in arguments:
        return ()
    text = f"windows have {WINDOW} x {WINDOW} pixels, the official window_size: the file has no position biases"
    return (Assumption("window", WINDOW, (), text),)


def _block_places(module: str, layer: str, position_bias: bool) -> Places:
    yield from block_places(f"{module}.0", f"{layer}_part0", CONVS)
    for number, modules in PARTS:
        yield from block_places(f"{module}.{number}", f"{layer}_part{number}", modules)
        if position_bias and modules is PLACES:
            yield f"{module}.{number}.fn", f"{layer}_part{number}_attention"


class Omnisr(Architecture):
    """Omni-SR (Wang et al. 2023, https://arxiv.org/abs/2304.10244): attention between places and between channels."""

    name = "omnisr"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, renamed, assumptions)

    width: int = Field(default=64, ge=HEADS, description="filters between the blocks, a multiple of 4")
    groups: int = Field(default=5, ge=1, description="groups of blocks (res_num)")
    blocks: int = Field(default=1, ge=1, description="blocks in each group (block_num)")
    window: int = Field(default=WINDOW, ge=1, description="height and width of the windows of attention")
    position_bias: bool = Field(
        default=True, description="biases by relative position in attention between places (pe)"
    )
    bias: bool = Field(default=True, description="biases of the convolutions around the blocks")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        least = -(-LEAST // self.window) * self.window  # after padding to multiples of the window
        return Geometry(spec.scale, 1, None, spec.channels, minimum=least - self.window + 1)

    def problem(self, spec: NetworkSpec) -> str:
        if spec.channels != spec.written:
            return f"{spec.channels} input and {spec.written} output channels: expected as many"
        return "" if self.width % HEADS == 0 else f"width {self.width} is not a multiple of {HEADS}"

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.omnisr.network import omnisr

        return omnisr(**self.arguments(spec))
