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
    Assumption,
    Checkpoint,
    NetworkSpec,
    OfficialValues,
    Places,
    State,
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
RGB_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K, in the official code


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
    if channels != len(last) or channels != len(RGB_MEAN) or enlargement_problem(scale):
        return None
    options = {
        **{"scale": scale, "width": width, "groups": len({group for group, _ in blocks})},
        **{"blocks": len({block for _, block in blocks}), "reduction": width // max(1, len(squeezed))},
        **{"gain": 255.0, "mean": RGB_MEAN, "levels": "sub_mean.weight" in state},
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer; a shuffle follows each convolution that enlarges."""
    yield from ((name, name) for name in ("sub_mean", "add_mean") if options["levels"])
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


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files with BasicSR's names do not state."""
    if arguments["levels"]:
        return ()
    gain, mean = arguments["gain"], tuple(arguments["mean"])
    colours = f"the mean colour is {', '.join(map(str, mean))}, the official rgb_mean of DIV2K"
    return (
        Assumption("gain", gain, (), f"values are scaled by {gain:g}, the official img_range"),
        Assumption("mean", mean, (), colours),
    )


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
    checkpoint = Checkpoint(recognise, places, renamed, assumptions)

    width: int = Field(default=64, ge=1, description="filters of each convolution")
    groups: int = Field(default=10, ge=1, description="groups of blocks, each with a residual")
    blocks: int = Field(default=20, ge=1, description="residual blocks in each group, of two convolutions each")
    reduction: int = Field(
        default=16, ge=1, description="how many times fewer filters there are inside the attention to channels"
    )
    gain: float = Field(
        default=255.0, gt=0, description="scale of the mean-subtracted input to the convolutions (img_range)"
    )
    mean: tuple[float, float, float] = Field(default=RGB_MEAN, description="mean R, G and B, for values in [0, 1]")
    levels: bool = Field(
        default=False, description="values from 0 to gain, and a mean in weights, as in RCAN's own code"
    )

    @property
    def official_values(self) -> OfficialValues:
        return "levels" if self.levels else "unit"

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
