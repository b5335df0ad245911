"""HAT, the hybrid attention transformer, and its official checkpoints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

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
from img2imgkit.architectures.mean_colour import Gain
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    assumptions_around,
    block_places,
    found_around,
    found_in_groups,
    group_places,
    in_our_order,
    places_around,
    shift_assumption,
)
from img2imgkit.architectures.transformer_options import (
    Depths,
    Features,
    Heads,
    Mean,
    MlpRatio,
    PatchNorm,
    QkvBias,
    Shifted,
    Width,
    groups_problem,
    network_arguments,
    problem_around,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Hat"]

BLOCKS = "residual_group.blocks"
OVERLAPPING_TABLE = "layers.0.residual_group.overlap_attn.relative_position_bias_table"
FIRST_BLOCK = f"layers.0.{BLOCKS}.0."
MLP = {"norm2": "norm2", "mlp.fc1": "fc1", "mlp.fc2": "fc2"}
BLOCK = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn": "attention", "attn.proj": "projection"},
    **{"conv_block.cab.0": "conv0", "conv_block.cab.2": "conv1"},
    **{"conv_block.cab.3.attention.1": "squeeze", "conv_block.cab.3.attention.3": "excite"},
    **MLP,
}
OVERLAPPING = {"norm1": "norm1", "qkv": "qkv", "": "attention", "proj": "projection", **MLP}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``hat``, see ``assumptions``."""
    around, groups, table = found_around(state), found_in_groups(state, BLOCKS), state.get(OVERLAPPING_TABLE)
    inside = ("conv_block.cab.0", "conv_block.cab.3.attention.1")
    compressed, squeezed = (state.get(f"{FIRST_BLOCK}{module}.weight") for module in inside)
    if not around or not groups or around.pop("upsampler") != "pixelshuffle" or around["connection"] == "3conv":
        return None
    if compressed is None or squeezed is None or table is None:
        return None
    width, window = around["width"], groups["window"]
    reach = math.isqrt(len(table)) + 1 - window
    options = {
        **around,
        **groups,
        **{"compress": width // len(compressed), "squeeze": width // len(squeezed), "overlap": reach / window - 1},
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from group_places(options, BLOCKS, BLOCK)
    for group in range(len(options["depths"])):
        module = f"layers.{group}.residual_group.overlap_attn"
        yield from block_places(module, f"group{group}_overlapping", OVERLAPPING)


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    weight = arguments.get("conv_scale", 0.01)
    text = f"the convolutions of a block are weighted by {weight:g}, the official conv_scale"
    weighted = Assumption("conv_scale", weight, (), text)
    return (*assumptions_around(arguments), weighted, *shift_assumption(arguments))


class Hat(Architecture):
    """HAT (Chen et al. 2023, https://arxiv.org/abs/2205.04437): SwinIR with channel and overlapping attention."""

    name = "hat"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: Width = 180
    depths: Depths = (6,) * 6
    heads: Heads = (6,) * 6
    window: int = Field(default=16, ge=2, description="height and width of the windows of attention")
    shifted: Shifted = True
    overlap: float = Field(default=0.5, ge=0, le=2, description="by how much windows of keys are larger than others")
    compress: int = Field(default=3, ge=1, description="`width` divided by the width inside convolutions")
    squeeze: int = Field(default=30, ge=1, description="`width` divided by the width inside channel attention")
    conv_scale: float = Field(default=0.01, description="weight of the convolutions beside attention")
    mlp_ratio: MlpRatio = 2.0
    qkv_bias: QkvBias = True
    patch_norm: PatchNorm = True
    connection: Literal["1conv", "identity"] = Field(
        default="1conv", description="convolution at the end of each group, or none"
    )
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, self.window, None, spec.channels, minimum=self.window)

    def problem(self, spec: NetworkSpec) -> str:
        if round(self.window * self.overlap) % 2:
            return f"overlap {self.overlap:g} of windows of {self.window} pixels: expected an even number of pixels"
        if self.width < max(self.compress, self.squeeze):
            return f"width {self.width} is less than compress {self.compress} or squeeze {self.squeeze}"
        return groups_problem(self.width, self.depths, self.heads) or problem_around(
            "pixelshuffle", spec.scale, spec.channels, spec.written, self.mean
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.hat.network import hat

        return hat(**network_arguments(self.arguments(spec)))
