"""SRFormer, and its official checkpoints."""

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
from img2imgkit.architectures.receptive_field import CONVOLUTION, Step, Windows, receptive_radius
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.architectures.transformer_layout import (
    assumptions_around,
    found_around,
    found_in_groups,
    group_places,
    in_our_order,
    places_around,
    shift_assumption,
    shifted_in,
)
from img2imgkit.architectures.transformer_options import (
    AnyUpsampler,
    Convolutions,
    Depths,
    Features,
    Heads,
    Mean,
    MlpRatio,
    PatchNorm,
    QkvBias,
    Shifted,
    connection_steps,
    groups_problem,
    network_arguments,
    problem_around,
    upsampling_steps,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Srformer"]

BLOCKS = "residual_group.blocks"
BLOCK = {
    **{"norm1": "norm1", "attn.q": "query", "attn.kv": "key_value", "attn": "attention", "attn.proj": "projection"},
    **{"norm2": "norm2", "mlp.fc1": "fc1", "mlp.dwconv.depthwise_conv.0": "local", "mlp.fc2": "fc2"},
}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``srformer``, see ``assumptions``."""
    around, groups = found_around(state), found_in_groups(state, BLOCKS)
    if not around or not groups or around["connection"] == "identity":
        return None
    options = {
        **around,
        **groups,
        "window": 2 * groups["window"],  # keys are blocks of 2x2 pixels
        "qkv_bias": f"layers.0.{BLOCKS}.0.attn.q.bias" in state,
        **shifted_in(state, groups["depths"]),
        **_masked_in(state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from group_places(options, BLOCKS, BLOCK)


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
    depths: Depths = (6,) * 6
    heads: Heads = (6,) * 6
    window: int = Field(default=24, ge=2, multiple_of=2, description="height and width of the windows, even")
    shifted: Shifted = True
    masked: bool = Field(
        default=True, description="cut shifted windows off at the border, instead of continuing at the opposite one"
    )
    mlp_ratio: MlpRatio = 2.0
    qkv_bias: QkvBias = True
    patch_norm: PatchNorm = True
    upsampler: AnyUpsampler = "pixelshuffle"
    connection: Convolutions = "1conv"
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

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
