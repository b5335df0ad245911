"""SRFormer, and its official checkpoints."""

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
from img2imgkit.architectures.receptive_field import CONVOLUTION, Step, Windows, receptive_radius
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    Count,
    assumptions_around,
    block_places,
    connection_places,
    connection_steps,
    depths_of,
    found_around,
    groups_problem,
    heads_of,
    in_our_order,
    network_arguments,
    places_around,
    problem_around,
    shift_assumption,
    shifted_in,
    upsampling_steps,
    window_of,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Srformer"]

TABLE = "residual_group.blocks.0.attn.relative_position_bias_table"
FIRST_BLOCK = "layers.0.residual_group.blocks.0."
BLOCK = {
    **{"norm1": "norm1", "attn.q": "query", "attn.kv": "key_value", "attn": "attention", "attn.proj": "projection"},
    **{"norm2": "norm2", "mlp.fc1": "fc1", "mlp.dwconv.depthwise_conv.0": "local", "mlp.fc2": "fc2"},
}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``srformer``, see ``assumptions``."""
    around, depths = found_around(state), depths_of(state)
    heads, hidden = heads_of(state, len(depths), TABLE), state.get(f"{FIRST_BLOCK}mlp.fc1.weight")
    blocks = window_of(state.get(f"layers.0.{TABLE}"))  # of 2x2 pixels on each side of a window
    if not around or not heads or hidden is None or blocks is None or around["connection"] == "identity":
        return None
    options = {
        **around,
        **{"depths": depths, "heads": heads, "window": 2 * blocks, "mlp_ratio": len(hidden) / around["width"]},
        "qkv_bias": f"{FIRST_BLOCK}attn.q.bias" in state,
        "patch_norm": "patch_embed.norm.weight" in state,
        **shifted_in(state, depths),
        **_masked_in(state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    if options["patch_norm"]:
        yield "patch_embed.norm", "patch_norm"
    for group, depth in enumerate(options["depths"]):
        for number in range(depth):
            module = f"layers.{group}.residual_group.blocks.{number}"
            yield from block_places(module, f"group{group}_block{number}", BLOCK)
        yield from connection_places(options["connection"], f"layers.{group}.conv", f"group{group}_conv")


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    found = (*assumptions_around(arguments), *shift_assumption(arguments))
    if "masked" in arguments or not arguments.get("shifted", True):
        return found
    text = "shifted windows are cut off at the border; early networks of the official code let them continue opposite"
    return (*found, Assumption("masked", True, (False,), text))


def _masked_in(state: State) -> dict[str, bool]:
    """The argument ``masked``: early masks hide all keys of a pixel or none, which changes nothing; empty if none."""
    masks = [array for name, array in state.items() if name.endswith(".attn_mask")]
    return {"masked": any((each != each[..., :1]).any() for each in masks)} if masks else {}


class Srformer(Architecture):
    """SRFormer (Zhou et al. 2023, https://arxiv.org/abs/2303.09735): SwinIR with large windows, whose keys are blocks.

    The default is the classical network of the paper; the light one has width 60, four groups, window 16 and
    "pixelshuffledirect".
    """

    name = "srformer"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=4, description="channels of the blocks (embed_dim), a multiple of 4")
    depths: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="blocks in each group")
    heads: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="attention heads in each group")
    window: int = Field(default=24, ge=2, multiple_of=2, description="height and width of the windows, even")
    shifted: bool = Field(default=True, description="shift the windows of every second block by half of their side")
    masked: bool = Field(
        default=True, description="cut shifted windows off at the border, instead of continuing at the opposite one"
    )
    mlp_ratio: float = Field(
        default=2.0, gt=0, description="hidden width of each block's MLP, as a multiple of `width`"
    )
    qkv_bias: bool = Field(default=True, description="biases of queries, keys and values")
    patch_norm: bool = Field(default=True, description="layer normalization before the first group")
    upsampler: Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv", "none"] = Field(
        default="pixelshuffle", description="how the features become the enlarged image; none: a residual at scale 1"
    )
    connection: Literal["1conv", "3conv"] = Field(default="1conv", description="convolutions at the end of each group")
    features: int = Field(default=64, ge=1, description="channels during upsampling in several steps")
    gain: float = Field(default=1.0, gt=0, description="scale of the mean-subtracted input (img_range)")
    mean: tuple[float, ...] | None = Field(
        default=None, description="mean of each channel; null: DIV2K's for 3 channels, else 0"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        radius = None if self.shifted and not self.masked and max(self.depths) > 1 else self._radius(spec.scale)
        return Geometry(spec.scale, self.window, radius, spec.channels, minimum=self.window)

    def _radius(self, scale: int) -> int:
        shifts, ending = (0, self.window // 2 if self.shifted else 0), connection_steps(self.connection)
        steps: list[Step] = [CONVOLUTION]
        for depth in self.depths:
            for number in range(depth):
                steps += (Windows(self.window, shifts[number % 2]), CONVOLUTION, CONVOLUTION)  # of 5x5 pixels
            steps += ending
        return receptive_radius([*steps, *ending, *upsampling_steps(self.upsampler, scale)])

    def problem(self, spec: NetworkSpec) -> str:
        if self.width % 4:
            return f"width {self.width} is not a multiple of 4"
        return groups_problem(self.width, self.depths, self.heads) or problem_around(
            self.upsampler, spec.scale, spec.channels, spec.written, self.mean
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.srformer.network import srformer

        return srformer(**network_arguments(self.arguments(spec)))
