"""SwinIR, with all of its upsamplers, and its official checkpoints."""

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

__all__ = ["Swinir"]

GROUP, INSIDE = "layers.{}", "layers.{}.residual_group.blocks.{}"
TABLE = "residual_group.blocks.0.attn.relative_position_bias_table"
FIRST_BLOCK = "layers.0.residual_group.blocks.0."
BLOCK = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn": "attention", "attn.proj": "projection"},
    **{"norm2": "norm2", "mlp.fc1": "fc1", "mlp.fc2": "fc2"},
}
SMALL_WINDOW = 7  # of the official networks against JPEG artefacts, whose values are in [0, 255]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``swinir``, see ``assumptions``."""
    around, depths = found_around(state), depths_of(state)
    heads, hidden = heads_of(state, len(depths), TABLE), state.get(f"{FIRST_BLOCK}mlp.fc1.weight")
    window = window_of(state.get(f"layers.0.{TABLE}"))
    if not around or not heads or hidden is None or window is None or around["connection"] == "identity":
        return None
    options: dict[str, Any] = {
        **around,
        **{"depths": depths, "heads": heads, "window": window, "mlp_ratio": len(hidden) / around["width"]},
        "qkv_bias": f"{FIRST_BLOCK}attn.qkv.bias" in state,
        "patch_norm": "patch_embed.norm.weight" in state,
        **shifted_in(state, depths),
    }
    if around["upsampler"] == "none" and window == SMALL_WINDOW:
        options["gain"] = 255.0
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    if options["patch_norm"]:
        yield "patch_embed.norm", "patch_norm"
    for group, depth in enumerate(options["depths"]):
        for number in range(depth):
            yield from block_places(INSIDE.format(group, number), f"group{group}_block{number}", BLOCK)
        yield from connection_places(options["connection"], f"{GROUP.format(group)}.conv", f"group{group}_conv")


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    return (*assumptions_around(arguments), *shift_assumption(arguments))


class Swinir(Architecture):
    """SwinIR (Liang et al. 2021, https://arxiv.org/abs/2108.10257): groups of Swin transformer blocks.

    The default is the classical network of the paper; the light one has width 60, four groups and "pixelshuffledirect",
    and networks that do not enlarge have "none".
    """

    name = "swinir"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=180, ge=1, description="channels of the blocks (embed_dim)")
    depths: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="blocks in each group")
    heads: tuple[Count, ...] = Field(default=(6,) * 6, min_length=1, description="attention heads in each group")
    window: int = Field(default=8, ge=1, description="height and width of the windows of attention")
    shifted: bool = Field(default=True, description="shift the windows of every second block by half of their side")
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
        steps = [CONVOLUTION, *self._steps(), *upsampling_steps(self.upsampler, spec.scale)]
        return Geometry(spec.scale, self.window, receptive_radius(steps), spec.channels, minimum=self.window)

    def _steps(self) -> list[Step]:
        shifts = (0, self.window // 2 if self.shifted else 0)
        ending = connection_steps(self.connection)
        groups = [[*(Windows(self.window, shifts[number % 2]) for number in range(depth))] for depth in self.depths]
        return [step for group in groups for step in (*group, *ending)] + ending

    def problem(self, spec: NetworkSpec) -> str:
        return groups_problem(self.width, self.depths, self.heads) or problem_around(
            self.upsampler, spec.scale, spec.channels, spec.written, self.mean
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.swinir.network import swinir

        return swinir(**network_arguments(self.arguments(spec)))
