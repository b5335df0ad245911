"""DAT, the dual aggregation transformer, and its official checkpoints."""

from __future__ import annotations

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
    SPLIT,
    assumptions_around,
    depths_of,
    found_around,
    heads_of_halves,
    in_our_order,
    places_around,
    places_both_ways,
    split_assumption,
    split_in,
)
from img2imgkit.architectures.transformer_options import (
    Convolutions,
    Depths,
    EvenHeads,
    Features,
    Mean,
    QkvBias,
    Split,
    groups_problem,
    halves_problem,
    network_arguments,
    problem_around,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Dat"]

FIRST_BLOCK = "layers.0.blocks.0."
PLACES = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn.proj": "projection"},
    **{"attn.dwconv.0": "local", "attn.dwconv.1": "local_norm"},
    **{"attn.channel_interaction.1": "channels0", "attn.channel_interaction.2": "channels_norm"},
    **{"attn.channel_interaction.4": "channels1", "attn.spatial_interaction.0": "places0"},
    **{"attn.spatial_interaction.1": "places_norm", "attn.spatial_interaction.3": "places1"},
    **{"norm2": "norm2", "ffn.fc1": "fc1", "ffn.sg.norm": "gate_norm", "ffn.sg.conv": "gate", "ffn.fc2": "fc2"},
}
CHANNELS = PLACES | {"attn": "attention"}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``dat``, see ``assumptions``."""
    around, depths = found_around(state), depths_of(state)
    heads, hidden = heads_of_halves(state, len(depths)), state.get(f"{FIRST_BLOCK}ffn.fc1.weight")
    if not around or not heads or hidden is None:
        return None
    if around["connection"] == "identity" or around["upsampler"] in ("none", "nearest+conv"):
        return None
    options = {
        **around,
        **{"depths": depths, "heads": heads, "expansion": len(hidden) / around["width"]},
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
        **split_in(state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from places_both_ways(options, PLACES, CHANNELS)


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    return (*assumptions_around(arguments), *split_assumption(arguments))


class Dat(Architecture):
    """DAT (Chen et al. 2023, https://arxiv.org/abs/2308.03364): blocks attend to places and to channels by turns."""

    name = "dat"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=32, description="channels of the blocks (embed_dim)")
    depths: Depths = (6,) * 6
    heads: EvenHeads = (6,) * 6
    split: Split = SPLIT
    expansion: float = Field(
        default=4.0, gt=0, description="hidden width of feed-forward parts, as a multiple of `width`"
    )
    qkv_bias: QkvBias = True
    upsampler: Literal["pixelshuffle", "pixelshuffledirect"] = Field(
        default="pixelshuffle", description="pixel shuffles in several steps, or one that makes the image"
    )
    connection: Convolutions = "1conv"
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, 1, None, spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        return (
            halves_problem(self.width, self.split, self.heads)
            or groups_problem(self.width, self.depths, self.heads)
            or problem_around(self.upsampler, spec.scale, spec.channels, spec.written, self.mean)
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.dat.network import dat

        return dat(**network_arguments(self.arguments(spec)))
