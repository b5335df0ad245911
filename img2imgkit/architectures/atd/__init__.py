"""ATD, the transformer with an adaptive token dictionary, and its official checkpoints."""

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
    assumptions_around,
    block_places,
    found_around,
    found_in_groups,
    group_places,
    in_our_order,
    places_around,
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
    Width,
    Window,
    groups_problem,
    network_arguments,
    problem_around,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Atd"]

BLOCKS = "residual_group.layers"
FIRST_BLOCK = f"layers.0.{BLOCKS}.0."
BLOCK = {
    **{"norm1": "norm1", "wqkv": "qkv", "attn_win": "attention", "attn_win.proj": "projection"},
    **{"attn_atd": "tokens", "attn_atd.wq": "query", "attn_atd.wk": "key", "attn_atd.wv": "value"},
    **{"attn_aca": "categories", "attn_aca.proj": "categories_projection"},
    **{"norm2": "norm2", "convffn.fc1": "fc1", "convffn.dwconv.depthwise_conv.0": "local", "convffn.fc2": "fc2"},
}
REFINED = {"norm3": "norm3", "": "refined"}  # of all blocks of a group but the last
SIZE = 2  # pixels in a category for each token, in the official networks


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``atd``, see ``assumptions``."""
    around, groups = found_around(state), found_in_groups(state, BLOCKS, "attn_win", "convffn")
    query, tokens = state.get(f"{FIRST_BLOCK}attn_atd.wq.weight"), state.get("layers.0.residual_group.td")
    kernel = state.get(f"{FIRST_BLOCK}convffn.dwconv.depthwise_conv.0.weight")
    if not around or not groups or around["connection"] == "identity":
        return None
    if query is None or tokens is None or kernel is None or kernel.ndim != 4:
        return None
    options = {
        **around,
        **groups,
        **{"tokens": len(tokens), "token_width": len(query), "category_size": SIZE * len(tokens)},
        **{"kernel_size": kernel.shape[2], "qkv_bias": f"{FIRST_BLOCK}wqkv.bias" in state},
    }
    if "no_norm" in state:  # of neosr, whose networks need not subtract a mean
        options["mean"] = (0.0,) * around["channels"]
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield from places_around(options)
    yield from group_places(options, BLOCKS, BLOCK)
    for group, depth in enumerate(options["depths"]):
        yield f"layers.{group}.residual_group", f"group{group}_dictionary"
        for number in range(depth - 1):
            yield from block_places(f"layers.{group}.{BLOCKS}.{number}", f"group{group}_block{number}", REFINED)


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    size = arguments["category_size"]
    text = f"{size} pixels of one category attend to each other, twice as many as there are tokens, as officially"
    around = () if "mean" in arguments else assumptions_around(arguments)
    return (*around, Assumption("category_size", size, (), text))


class Atd(Architecture):
    """ATD (Zhang et al. 2024, https://arxiv.org/abs/2401.08209): windows, tokens and categories of pixels.

    The default is the classical network of the paper; the light one has width 48, four groups of 4 heads, 64 tokens of
    width 8, categories of 128 pixels, kernels of 7 pixels, mlp_ratio 1 and "pixelshuffledirect". Pixels attend to
    others all over the picture, so tiles are not exact.
    """

    name = "atd"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: Width = 210
    depths: Depths = (6,) * 6
    heads: Heads = (6,) * 6
    window: Window = 16
    category_size: int = Field(default=256, ge=1, description="pixels of one category that attend to each other")
    tokens: int = Field(default=128, ge=1, description="tokens in the dictionary of each group (num_tokens)")
    token_width: int = Field(
        default=20, ge=1, description="width of queries and keys of attention to tokens (reducted_dim)"
    )
    kernel_size: int = Field(default=5, ge=1, description="size of the convolutions inside the MLPs, odd")
    mlp_ratio: MlpRatio = 2.0
    qkv_bias: QkvBias = True
    patch_norm: PatchNorm = True
    upsampler: AnyUpsampler = "pixelshuffle"
    connection: Convolutions = "1conv"
    features: Features = 64
    gain: Gain = 1.0
    mean: Mean = None

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, 1, None, spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if self.kernel_size % 2 == 0:
            return f"kernel_size {self.kernel_size}: expected an odd number"
        return groups_problem(self.width, self.depths, self.heads) or problem_around(
            self.upsampler, spec.scale, spec.channels, spec.written, self.mean
        )

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.atd.network import atd

        return atd(**network_arguments(self.arguments(spec)))
