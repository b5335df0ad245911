"""DAT, the dual aggregation transformer, and its official checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
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
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    Count,
    assumptions_around,
    block_places,
    connection_places,
    depths_of,
    found_around,
    groups_problem,
    in_our_order,
    network_arguments,
    places_around,
    problem_around,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Dat"]

FIRST_BLOCK = "layers.0.blocks.0."
OFFSETS = f"{FIRST_BLOCK}attn.attns.0.rpe_biases"
LAST_BIAS = "layers.{}.blocks.0.attn.attns.0.pos.pos3.2.weight"
SPLIT = (8, 32)  # of most official networks
BLOCK = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn.proj": "projection"},
    **{"attn.dwconv.0": "local", "attn.dwconv.1": "local_norm"},
    **{"attn.channel_interaction.1": "channels0", "attn.channel_interaction.2": "channels_norm"},
    **{"attn.channel_interaction.4": "channels1", "attn.spatial_interaction.0": "places0"},
    **{"attn.spatial_interaction.1": "places_norm", "attn.spatial_interaction.3": "places1"},
    **{"norm2": "norm2", "ffn.fc1": "fc1", "ffn.sg.norm": "gate_norm", "ffn.sg.conv": "gate", "ffn.fc2": "fc2"},
}
CHANNELS = {"attn": "attention"}
POSITIONS = {
    "pos_proj": "positions",
    **{f"pos{step}.0": f"positions{step}_norm" for step in (1, 2, 3)},
    **{f"pos{step}.2": f"positions{step}_linear" for step in (1, 2, 3)},
}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``dat``, see ``assumptions``."""
    around, depths = found_around(state), depths_of(state)
    hidden = state.get(f"{FIRST_BLOCK}ffn.fc1.weight")
    last = [state.get(LAST_BIAS.format(group)) for group in range(len(depths))]
    if not around or not depths or hidden is None or any(each is None or each.ndim != 2 for each in last):
        return None
    if around["connection"] == "identity" or around["upsampler"] in ("none", "nearest+conv"):
        return None
    options = {
        **around,
        **{"depths": depths, "heads": tuple(2 * len(each) for each in last if each is not None)},
        "expansion": len(hidden) / around["width"],
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
    }
    if (split := _split(state.get(OFFSETS))) is not None:
        options["split"] = split
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield "before_RG.1", "norm_before"
    for group, depth in enumerate(options["depths"]):
        for number in range(depth):
            module, layer = f"layers.{group}.blocks.{number}", f"group{group}_block{number}"
            yield from block_places(module, layer, BLOCK if number % 2 == 0 else BLOCK | CHANNELS)
            for half in range(2) if number % 2 == 0 else ():
                yield from block_places(f"{module}.attn.attns.{half}.pos", f"{layer}_half{half}", POSITIONS)
        yield from connection_places(options["connection"], f"layers.{group}.conv", f"group{group}_conv")


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    found = assumptions_around(arguments)
    if "split" in arguments:
        return found
    text = f"windows have {SPLIT[0]} x {SPLIT[1]} pixels, the split_size of most official networks"
    return (*found, Assumption("split", SPLIT, ((8, 16),), text))


def _split(offsets: np.ndarray | None) -> tuple[int, int] | None:
    """The window whose relative positions an array lists; None if there is none, or it lists others."""
    if offsets is None or offsets.ndim != 2 or offsets.shape[1] != 2:
        return None
    rows, columns = (int(each) + 1 for each in offsets.max(axis=0))
    return (rows, columns) if (2 * rows - 1) * (2 * columns - 1) == len(offsets) else None


class Dat(Architecture):
    """DAT (Chen et al. 2023, https://arxiv.org/abs/2308.03364): blocks attend to places and to channels by turns."""

    name = "dat"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=32, description="channels of the blocks (embed_dim)")
    depths: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="blocks in each group")
    heads: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="attention heads in each group, even")
    split: tuple[int, int] = Field(
        default=SPLIT, description="height and width of the windows of half of the heads; the others' lie across"
    )
    expansion: float = Field(
        default=4.0, gt=0, description="hidden width of feed-forward parts, as a multiple of `width`"
    )
    qkv_bias: bool = Field(default=True, description="biases of queries, keys and values")
    upsampler: Literal["pixelshuffle", "pixelshuffledirect"] = Field(
        default="pixelshuffle", description="pixel shuffles in several steps, or one that makes the image"
    )
    connection: Literal["1conv", "3conv"] = Field(default="1conv", description="convolutions at the end of each group")
    features: int = Field(default=64, ge=1, description="channels during upsampling in several steps")
    gain: float = Field(default=1.0, gt=0, description="scale of the mean-subtracted input (img_range)")
    mean: tuple[float, ...] | None = Field(
        default=None, description="mean of each channel; null: DIV2K's for 3 channels, else 0"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, 1, None, spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if min(self.split) < 2 or max(self.split) % min(self.split):
            return f"split {list(self.split)}: expected sides of at least 2, one a multiple of the other"
        return (
            _heads_problem(self.width, self.heads)
            or groups_problem(self.width, self.depths, self.heads)
            or (problem_around(self.upsampler, spec.scale, spec.channels, spec.written, self.mean))
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.dat.network import dat

        return dat(**network_arguments(self.arguments(spec)))


def _heads_problem(width: int, heads: Sequence[int]) -> str:
    wrong = next((count for count in heads if count % 2 or width % 2 or width // 2 % (count // 2 or 1)), None)
    return "" if wrong is None else f"{wrong} heads of width {width}: expected two equal halves of heads"
