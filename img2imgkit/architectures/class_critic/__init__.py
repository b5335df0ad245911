"""FUNIT's class-conditional critic: ``GPPatchMcResDis``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.class_critic.widths import block_widths
from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["ClassCritic", "block_widths"]

BLOCK = re.compile(r"cnn_f\.(\d+)\.conv_0\.conv\.weight(_orig)?")


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``class_critic``."""
    spectral = "cnn_f.0.conv.weight_orig" in state
    leaf = "weight_orig" if spectral else "weight"
    first, last = state.get(f"cnn_f.0.conv.{leaf}"), state.get(f"cnn_c.0.conv.{leaf}")
    blocks = sum(BLOCK.fullmatch(name) is not None for name in state)
    if first is None or last is None or first.ndim != 4 or blocks < 2 or blocks % 2:
        return None
    options = {
        "classes": last.shape[0],
        "width": first.shape[0],
        "blocks": blocks,
        "channels": first.shape[1],
        "spectral": spectral,
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer; a padding and a pooling follow each pair of blocks."""
    yield "cnn_f.0.conv", "stem_conv"
    width = options["width"]
    for number, filters in enumerate(block_widths(width, options["blocks"])):
        module = f"cnn_f.{1 + number % 2 + 4 * (number // 2)}"
        for name, layer in (("conv_0", "0"), ("conv_1", "1"), *([("conv_s", "shortcut")] if filters != width else [])):
            yield f"{module}.{name}.conv", f"block{number}_{layer}_conv"
        width = filters
    yield "cnn_c.0.conv", "last_conv"


class ClassCritic(Architecture):
    """FUNIT's class-conditional critic (https://arxiv.org/abs/1905.01723)."""

    name = "class-critic"
    roles = ("class-critic",)
    uses = ("channels", "spectral", "classes")
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places)

    width: int = Field(default=64, ge=1, description="filters of the first layer")
    blocks: int = Field(default=10, ge=2, multiple_of=2, description="residual blocks")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=None, channels=spec.channels, minimum=max(4, 2 ** (self.blocks // 2)))

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.classes else "classes: a class-conditional critic needs their number"

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.class_critic.network import class_critic

        return class_critic(**self.arguments(spec))
