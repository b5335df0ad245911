"""RCAN under the names of its own code and of BasicSR."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Checkpoint,
    NetworkSpec,
    OfficialValues,
    Places,
    State,
)
from img2imgkit.architectures.mean_colour import (
    DIV2K,
    Colour,
    Gain,
    Levels,
    colour_assumptions,
    found_mean,
    mean_places,
    values_of,
)
from img2imgkit.architectures.receptive_field import enlargement_problem, enlargements
from img2imgkit.architectures.state_dict import if_complete, modules, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Rcan"]

BEFORE_SHUFFLES = re.compile(r"upsample\.\d+")
OWN = "head.0.weight"  # in RCAN's own code; BasicSR's names are used here
OWN_BLOCK = re.compile(r"body\.(\d+)\.body\.(\d+)\.body\.(.+)")
OWN_GROUP = re.compile(r"body\.(\d+)\.body\.\d+")
OWN_INSIDE = {"0": "0", "2": "2", "3.conv_du.0": "3.attention.1", "3.conv_du.2": "3.attention.3"}
BLOCK = re.compile(r"body\.(\d+)\.residual_group\.(\d+)\.rcab\.0")
SQUEEZED = "body.0.residual_group.0.rcab.3.attention.1.weight"


def renamed(state: State) -> dict[str, np.ndarray]:
    """Rename RCAN's own names to those of BasicSR, and reorder the convolutions before pixel shuffles."""
    if OWN in state:
        split = [(*name.rpartition("."), array) for name, array in state.items()]
        state = {f"{_renamed(module)}{dot}{leaf}": array for module, dot, leaf, array in split}
    return shuffled(state, BEFORE_SHUFFLES)


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``rcan``, see ``assumptions``."""
    first, last, squeezed = (state.get(name) for name in ("conv_first.weight", "conv_last.weight", SQUEEZED))
    ups = [array for name, array in state.items() if BEFORE_SHUFFLES.fullmatch(name.removesuffix(".weight"))]
    if first is None or last is None or squeezed is None or any(each.ndim != 4 for each in (first, last, *ups)):
        return None
    width, channels = first.shape[:2]
    blocks = [match.groups() for name in modules(state) if (match := BLOCK.fullmatch(name))]
    scale = math.prod(math.isqrt(len(array) // width) for array in ups)
    if channels != len(last) or channels != len(DIV2K) or enlargement_problem(scale):
        return None
    options = {
        **{"scale": scale, "width": width, "groups": len({group for group, _ in blocks})},
        **{"blocks": len({block for _, block in blocks}), "reduction": width // max(1, len(squeezed))},
        **found_mean(state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer; a shuffle follows each convolution that enlarges."""
    yield from mean_places(options)
    yield "conv_first", "first"
    for group in range(options["groups"]):
        for block in range(options["blocks"]):
            module, layer = f"body.{group}.residual_group.{block}.rcab", f"group{group}_block{block}"
            yield f"{module}.0", f"{layer}_conv0"
            yield f"{module}.2", f"{layer}_conv1"
            yield f"{module}.3.attention.1", f"{layer}_squeeze"
            yield f"{module}.3.attention.3", f"{layer}_excite"
        yield f"body.{group}.conv", f"group{group}_conv"
    yield "conv_after_body", "body"
    for number in range(len(enlargements(options["scale"]))):
        yield f"upsample.{2 * number}", f"up{number}_conv"
    yield "conv_last", "last"


def _renamed(module: str) -> str:
    if (match := OWN_BLOCK.fullmatch(module)) and match[3] in OWN_INSIDE:
        return f"body.{match[1]}.residual_group.{match[2]}.rcab.{OWN_INSIDE[match[3]]}"
    if match := OWN_GROUP.fullmatch(module):
        return f"body.{match[1]}.conv"
    if re.fullmatch(r"body\.\d+", module):
        return "conv_after_body"
    return {"head.0": "conv_first", "tail.1": "conv_last"}.get(module, module.replace("tail.0.", "upsample."))


class Rcan(Architecture):
    """RCAN, with attention to channels (Zhang et al. 2018, https://arxiv.org/abs/1807.02758).

    The attention depends on the whole picture, so tiles are not exact.
    """

    name = "rcan"
    roles = ("enlarger",)
    uses = ("scale",)
    checkpoint = Checkpoint(recognise, places, renamed, colour_assumptions)

    width: int = Field(default=64, ge=1, description="filters of each convolution")
    groups: int = Field(default=10, ge=1, description="groups of blocks, each with a residual")
    blocks: int = Field(default=20, ge=1, description="residual blocks in each group, of two convolutions each")
    reduction: int = Field(
        default=16, ge=1, description="how many times fewer filters there are inside the attention to channels"
    )
    gain: Gain = 255.0
    mean: Colour = DIV2K
    levels: Levels = False

    @property
    def official_values(self) -> OfficialValues:
        return values_of(self.levels)

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, radius=None, channels=spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if (spec.channels, spec.written) != (3, 3):
            return f"RCAN needs 3 channels, not {spec.channels}"
        if self.reduction > self.width:
            return f"reduction {self.reduction} leaves no filter of {self.width}"
        return enlargement_problem(spec.scale)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.rcan.network import rcan

        return rcan(**self.arguments(spec))
