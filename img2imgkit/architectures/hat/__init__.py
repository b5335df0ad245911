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
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    Count,
    assumptions_around,
    block_places,
    connection_places,
    depths_of,
    found_around,
    groups_problem,
    heads_of,
    in_our_order,
    network_arguments,
    places_around,
    problem_around,
    window_of,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Hat"]

GROUP = "layers.{}"
TABLE = "residual_group.blocks.0.attn.relative_position_bias_table"
OVERLAPPING_TABLE = "layers.0.residual_group.overlap_attn.relative_position_bias_table"
FIRST_BLOCK = "layers.0.residual_group.blocks.0."
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
    around, depths = found_around(state), depths_of(state)
    heads, window = heads_of(state, len(depths), TABLE), window_of(state.get(f"layers.0.{TABLE}"))
    inside = ("mlp.fc1", "conv_block.cab.0", "conv_block.cab.3.attention.1")
    hidden, compressed, squeezed = (state.get(f"{FIRST_BLOCK}{module}.weight") for module in inside)
    table = state.get(OVERLAPPING_TABLE)
    if not around or not heads or window is None or around.pop("upsampler") != "pixelshuffle":
        return None
    if hidden is None or compressed is None or squeezed is None or table is None or around["connection"] == "3conv":
        return None
    width, reach = around["width"], math.isqrt(len(table)) + 1 - window
    options = {
        **around,
        **{"depths": depths, "heads": heads, "window": window, "mlp_ratio": len(hidden) / width},
        **{"compress": width // len(compressed), "squeeze": width // len(squeezed), "overlap": reach / window - 1},
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
        "patch_norm": "patch_embed.norm.weight" in state,
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    if options["patch_norm"]:
        yield "patch_embed.norm", "patch_norm"
    for group, depth in enumerate(options["depths"]):
        inside = f"{GROUP.format(group)}.residual_group"
        for number in range(depth):
            yield from block_places(f"{inside}.blocks.{number}", f"group{group}_block{number}", BLOCK)
        yield from block_places(f"{inside}.overlap_attn", f"group{group}_overlapping", OVERLAPPING)
        yield from connection_places(options["connection"], f"{GROUP.format(group)}.conv", f"group{group}_conv")


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    weight = arguments.get("conv_scale", 0.01)
    text = f"the convolutions of a block are weighted by {weight:g}, the official conv_scale"
    return (*assumptions_around(arguments), Assumption("conv_scale", weight, (), text))


class Hat(Architecture):
    """HAT (Chen et al. 2023, https://arxiv.org/abs/2205.04437): SwinIR with channel and overlapping attention."""

    name = "hat"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=1, description="channels of the blocks (embed_dim)")
    depths: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="blocks in each group")
    heads: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="attention heads in each group")
    window: int = Field(default=16, ge=2, description="height and width of the windows of attention")
    overlap: float = Field(default=0.5, ge=0, le=2, description="by how much windows of keys are larger than others")
    compress: int = Field(default=3, ge=1, description="`width` divided by the width inside convolutions")
    squeeze: int = Field(default=30, ge=1, description="`width` divided by the width inside channel attention")
    conv_scale: float = Field(default=0.01, description="weight of the convolutions beside attention")
    mlp_ratio: float = Field(
        default=2.0, gt=0, description="hidden width of each block's MLP, as a multiple of `width`"
    )
    qkv_bias: bool = Field(default=True, description="biases of queries, keys and values")
    patch_norm: bool = Field(default=True, description="layer normalization before the first group")
    connection: Literal["1conv", "identity"] = Field(
        default="1conv", description="convolution at the end of each group, or none"
    )
    features: int = Field(default=64, ge=1, description="channels during upsampling")
    gain: float = Field(default=1.0, gt=0, description="scale of the mean-subtracted input (img_range)")
    mean: tuple[float, ...] | None = Field(
        default=None, description="mean of each channel; null: DIV2K's for 3 channels, else 0"
    )

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
