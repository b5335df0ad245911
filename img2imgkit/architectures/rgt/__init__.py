"""RGT, the recursive generalization transformer, and its official checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    MlpRatio,
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

__all__ = ["Rgt"]

FIRST_BLOCK = "layers.0.blocks.0."
LEAST = 16  # pixels that one pixel of a reduced map stands for, in height and width
RATIO = 0.5  # officially
BLOCK = {
    **{"": "scale", "norm1": "norm1", "norm2": "norm2", "attn.proj": "projection"},
    **{"mlp.fc1": "fc1", "mlp.sg.norm": "gate_norm", "mlp.sg.conv": "gate", "mlp.fc2": "fc2"},
}
WINDOWS = BLOCK | {"attn.qkv": "qkv", "attn.get_v": "local"}
REDUCED = BLOCK | {
    **{"attn.reduction1": "reduced", "attn.dwconv": "local", "attn.conv": "mixed", "attn.norm_act.0": "norm"},
    **{"attn.q": "query", "attn.k": "key", "attn.v": "value", "attn.cpe": "position"},
}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``rgt``, see ``assumptions``."""
    around, depths = found_around(state), depths_of(state)
    heads, hidden = heads_of_halves(state, len(depths)), state.get(f"{FIRST_BLOCK}mlp.fc1.weight")
    if not around or not heads or hidden is None:
        return None
    if around["connection"] == "identity" or around.pop("upsampler") != "pixelshuffle":
        return None
    query = next((array for name, array in state.items() if name.endswith(".blocks.1.attn.q.weight")), None)
    options = {
        **around,
        **{"depths": depths, "heads": heads, "mlp_ratio": len(hidden) / around["width"]},
        "channel_ratio": RATIO if query is None else len(query) / around["width"],
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
        **split_in(state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from places_both_ways(options, WINDOWS, REDUCED)


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    return (*assumptions_around(arguments), *split_assumption(arguments))


class Rgt(Architecture):
    """RGT (Chen et al. 2024, https://arxiv.org/abs/2303.06373): attention to windows and to a reduced map by turns.

    The default is RGT; RGT-S has 6 groups. Pixels attend to the whole picture, reduced, so tiles are not exact.
    """

    name = "rgt"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=32, description="channels of the blocks (embed_dim)")
    depths: Depths = (6,) * 8
    heads: EvenHeads = (6,) * 8
    split: Split = SPLIT
    mlp_ratio: MlpRatio = 2.0
    channel_ratio: float = Field(
        default=RATIO, gt=0, description="width of queries and keys of reduced maps, as a multiple of `width` (c_ratio)"
    )
    qkv_bias: QkvBias = True
    connection: Convolutions = "1conv"
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, 1, None, spec.channels, minimum=LEAST)

    def problem(self, spec: NetworkSpec) -> str:
        inner = round(self.width * self.channel_ratio)
        wrong = next((count for count in self.heads if not inner or inner % count), None)
        if wrong is not None:
            return f"channel_ratio {self.channel_ratio:g}: {inner} channels cannot be divided into {wrong} heads"
        return (
            halves_problem(self.width, self.split, self.heads)
            or groups_problem(self.width, self.depths, self.heads)
            or problem_around("pixelshuffle", spec.scale, spec.channels, spec.written, self.mean)
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.rgt.network import rgt

        return rgt(**network_arguments(self.arguments(spec)))
