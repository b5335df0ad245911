"""DRCT, and its official checkpoints."""

from __future__ import annotations

import re
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
from img2imgkit.architectures.drct.heads import heads_for
from img2imgkit.architectures.mean_colour import Gain
from img2imgkit.architectures.receptive_field import CONVOLUTION, Step, Windows, receptive_radius
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    assumptions_around,
    block_places,
    found_around,
    heads_of,
    in_our_order,
    places_around,
    shift_assumption,
    shifted_in,
    window_of,
)
from img2imgkit.architectures.transformer_options import (
    Count,
    Features,
    Mean,
    PatchNorm,
    QkvBias,
    Shifted,
    Window,
    connection_steps,
    network_arguments,
    problem_around,
    upsampling_steps,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Drct", "heads_for"]

GROUP = re.compile(r"layers\.(\d+)\.swin1\.norm1\.weight")
TABLE = "swin1.attn.relative_position_bias_table"
BLOCKS = 5  # in each group
BLOCK = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn": "attention", "attn.proj": "projection"},
    **{"norm2": "norm2", "mlp.fc1": "fc1", "mlp.fc2": "fc2"},
}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``drct``, see ``assumptions``."""
    around, groups = found_around(state), sum(GROUP.fullmatch(name) is not None for name in state)
    heads, window = heads_of(state, groups, TABLE), window_of(state.get(f"layers.0.{TABLE}"))
    hidden, adjusted = state.get("layers.0.swin1.mlp.fc1.weight"), state.get("layers.0.adjust1.weight")
    if not around or not heads or hidden is None or adjusted is None or window is None:
        return None
    if around.pop("upsampler") != "pixelshuffle" or around["connection"] == "3conv":
        return None
    options = {
        **around,
        **{"heads": heads, "window": window, "growth": len(adjusted), "mlp_ratio": len(hidden) / around["width"]},
        "qkv_bias": "layers.0.swin1.attn.qkv.bias" in state,
        "patch_norm": "patch_embed.norm.weight" in state,
        **shifted_in(state, [BLOCKS]),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    for group in range(len(options["heads"])):
        for number in range(BLOCKS):
            module, layer = f"layers.{group}.swin{number + 1}", f"group{group}_block{number}"
            yield from block_places(module, layer, BLOCK)
            yield f"layers.{group}.adjust{number + 1}", f"group{group}_adjust{number}"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    return (*assumptions_around(arguments), *shift_assumption(arguments))


class Drct(Architecture):
    """DRCT (Hsu et al. 2024, https://arxiv.org/abs/2404.00722): densely connected Swin transformer blocks.

    The default is DRCT; DRCT-L has 12 groups.
    """

    name = "drct"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=1, description="channels between the groups (embed_dim)")
    heads: tuple[Count, ...] = Field(
        default=(6,) * 6, min_length=1, description="attention heads in the first of the five blocks of each group"
    )
    window: Window = 16
    shifted: Shifted = True
    growth: int = Field(default=32, ge=1, description="growth rate: channels that each block adds (gc)")
    mlp_ratio: float = Field(
        default=2.0,
        gt=0,
        description="hidden width of the MLPs of the first three blocks, as a multiple of their width",
    )
    qkv_bias: QkvBias = True
    patch_norm: PatchNorm = True
    connection: Literal["1conv", "identity"] = Field(
        default="1conv", description="convolution after the last group, or none"
    )
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

    def geometry(self, spec: NetworkSpec) -> Geometry:
        steps = [CONVOLUTION, *self._steps(), *upsampling_steps("pixelshuffle", spec.scale)]
        return Geometry(spec.scale, self.window, receptive_radius(steps), spec.channels, minimum=self.window)

    def _steps(self) -> list[Step]:
        shifts = (0, self.window // 2 if self.shifted else 0)
        group = [Windows(self.window, shifts[number % 2]) for number in range(BLOCKS)]
        return [*(group * len(self.heads)), *connection_steps(self.connection)]

    def problem(self, spec: NetworkSpec) -> str:
        widths = [self.width + number * self.growth for number in range(BLOCKS)]
        for width, count in ((each, heads_for(each, count, self.width)) for count in self.heads for each in widths):
            if width % count:
                return f"width {width} of a block is not a multiple of its {count} heads"
        return problem_around("pixelshuffle", spec.scale, spec.channels, spec.written, self.mean)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.drct.network import drct

        return drct(**network_arguments(self.arguments(spec)))
