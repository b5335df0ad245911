"""SwinIR, with all of its upsamplers, and its official checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    Width,
    Window,
    connection_steps,
    groups_problem,
    network_arguments,
    problem_around,
    upsampling_steps,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Swinir"]

BLOCKS = "residual_group.blocks"
BLOCK = {
    **{"norm1": "norm1", "attn.qkv": "qkv", "attn": "attention", "attn.proj": "projection"},
    **{"norm2": "norm2", "mlp.fc1": "fc1", "mlp.fc2": "fc2"},
}
SMALL_WINDOW = 7  # of the official networks against JPEG artefacts, whose values are in [0, 255]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``swinir``, see ``assumptions``."""
    around, groups = found_around(state), found_in_groups(state, BLOCKS)
    if not around or not groups or around["connection"] == "identity":
        return None
    options: dict[str, Any] = {
        **around,
        **groups,
        "qkv_bias": f"layers.0.{BLOCKS}.0.attn.qkv.bias" in state,
        **shifted_in(state, groups["depths"]),
    }
    if around["upsampler"] == "none" and groups["window"] == SMALL_WINDOW:
        options["gain"] = 255.0
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from group_places(options, BLOCKS, BLOCK)


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

    width: Width = 180
    depths: Depths = (6,) * 6
    heads: Heads = (6,) * 6
    window: Window = 8
    shifted: Shifted = True
    mlp_ratio: MlpRatio = 2.0
    qkv_bias: QkvBias = True
    patch_norm: PatchNorm = True
    upsampler: AnyUpsampler = "pixelshuffle"
    connection: Convolutions = "1conv"
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

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
