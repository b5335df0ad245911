"""RRDBNet of ESRGAN, Real-ESRGAN and ESRGAN+, with the layouts of its three official implementations."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from img2imgkit.architectures.mixed_channels import are_possible, enlarging_geometry
from img2imgkit.architectures.receptive_field import CONVOLUTION, enlargement_problem, enlargements, receptive_radius
from img2imgkit.architectures.state_dict import modules, reordered
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Rrdb"]

# ESRGAN's first code (one sequence), its second one, and BasicSR, whose names are used here
DENSE = re.compile(r"(?:model\.1\.sub|RRDB_trunk|body)\.(\d+)\.(?:RDB|rdb)([123])\.conv([1-5]|1x1)(?:\.0)?")
BODY = re.compile(r"model\.1\.sub\.\d+")
PLAIN = re.compile(r"model\.(\d+)")
UP = re.compile(r"(?:conv_up|upconv)(\d+)")
SECOND = {"trunk_conv": "conv_body", "HRconv": "conv_hr"}
FIRST_KERNEL, LAST_KERNEL = "conv_first.weight", "conv_last.weight"


def renamed(state: State) -> dict[str, np.ndarray]:
    """Rename to BasicSR's names, and reorder the first convolution for our ``PixelUnshuffle``."""
    plain = sorted(
        {int(match[1]) for name in state if (match := PLAIN.fullmatch(name.rpartition(".")[0])) and match[1] != "0"}
    )
    names = {f"model.{index}": f"conv_up{number + 1}" for number, index in enumerate(plain[:-2])}
    names |= {f"model.{index}": name for index, name in zip(plain[-2:], ("conv_hr", "conv_last"), strict=False)}
    names |= {"model.0": "conv_first", **SECOND}
    found = {}
    for name, array in state.items():
        module, dot, leaf = name.rpartition(".")
        found[f"{_renamed(module, names)}{dot}{leaf}"] = array
    first, last = found.get(FIRST_KERNEL), found.get(LAST_KERNEL)
    if first is not None and last is not None and first.ndim == last.ndim == 4:
        found[FIRST_KERNEL] = reordered(first, 1, first.shape[1] // _unshuffle(first.shape[1], len(last)) ** 2)
    return found


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``rrdb``. 4 or 16 times as many input as output channels mean pixel unshuffle.

    Scale 3 cannot be told from scale 2; see ``assumptions``.
    """
    first, last = state.get(FIRST_KERNEL), state.get(LAST_KERNEL)
    dense = state.get("body.0.rdb1.conv1.weight")
    if first is None or last is None or dense is None or any(array.ndim != 4 for array in (first, last, dense)):
        return None
    unshuffle = _unshuffle(first.shape[1], len(last))
    doubled = 2 ** sum(UP.fullmatch(module) is not None for module in modules(state))
    options = {
        "scale": doubled // unshuffle,
        "width": len(first),
        "blocks": 1 + max(int(match[1]) for module in modules(state) if (match := DENSE.fullmatch(module))),
        "growth": len(dense),
        "unshuffle": unshuffle,
        "inner": "body.0.rdb1.conv1x1.weight" in state,
        "channels": first.shape[1] // unshuffle**2,
        "out_channels": len(last),
    }
    consistent = options["scale"] * unshuffle == doubled and are_possible(options["channels"], options["out_channels"])
    return options if consistent and _complete(state, options) else None


def places(options: Arguments) -> Places:
    """Yield each module, as ``renamed``, and its layer."""
    yield "conv_first", "first"
    for number in range(options["blocks"]):
        for inside in range(3):
            module, layer = f"body.{number}.rdb{inside + 1}", f"block{number}_{inside}"
            for conv in range(5):
                yield f"{module}.conv{conv + 1}", f"{layer}_conv{conv}"
            if options["inner"]:
                yield f"{module}.conv1x1", f"{layer}_inner"
    yield "conv_body", "body"
    for number in range((options["scale"] * options["unshuffle"]).bit_length() - 1):
        yield f"conv_up{number + 1}", f"up{number}_conv"
    yield "conv_hr", "fine"
    yield "conv_last", "last"


def assumptions(options: Arguments) -> tuple[Assumption, ...]:
    """What a file does not state: one upsampling convolution is behind an enlargement by 2 or by 3."""
    if options["unshuffle"] != 1 or options["scale"] != 2:
        return ()
    text = "the network is assumed to enlarge 2 times; a network that enlarges 3 times has the same arrays"
    return (Assumption("scale", 2, (3,), text),)


def _unshuffle(read: int, written: int) -> int:
    """The factor of the pixel unshuffle of a network whose first convolution reads ``read`` channels."""
    return next((factor for factor in (2, 4) if read == factor**2 * written), 1)


def _renamed(module: str, names: Mapping[str, str]) -> str:
    if match := DENSE.fullmatch(module):
        block, inside, conv = match.groups()
        return f"body.{block}.rdb{inside}.conv{conv}"
    if BODY.fullmatch(module):
        return "conv_body"
    if match := UP.fullmatch(module):
        return f"conv_up{match[1]}"
    return names.get(module, module)


def _complete(state: State, options: Arguments) -> bool:
    held = modules(state)
    return options["blocks"] <= len(held) and held == {module for module, _ in places(options)}


class Rrdb(Architecture):
    """RRDBNet of ESRGAN and Real-ESRGAN (Wang et al. 2018, https://arxiv.org/abs/1809.00219), and of ESRGAN+."""

    name = "rrdb"
    roles = ("enlarger",)
    uses = ("scale", "channels", "out_channels")
    checkpoint = Checkpoint(recognise, places, renamed, assumptions)

    width: int = Field(default=64, ge=1, description="filters between the blocks")
    blocks: int = Field(default=23, ge=0, description="blocks, of 15 convolutions each; 6 in the anime model")
    growth: int = Field(default=32, ge=1, description="growth rate: filters that each dense convolution adds")
    inner: bool = Field(
        default=False, description="residuals inside the dense blocks: ESRGAN+ (https://arxiv.org/abs/2001.08073)"
    )
    unshuffle: Literal[1, 2, 4] = Field(
        default=1, description="pixel unshuffle of the input: in Real-ESRGAN 2 for scale 2, 4 for scale 1"
    )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        ups = [step for factor in enlargements(spec.scale * self.unshuffle) for step in (factor, CONVOLUTION)]
        steps = [*[CONVOLUTION] * (15 * self.blocks + 2), *ups, CONVOLUTION, CONVOLUTION]
        radius = receptive_radius(steps, self.unshuffle)
        return enlarging_geometry(spec, radius, self.unshuffle)

    def problem(self, spec: NetworkSpec) -> str:
        if spec.scale == 3 and self.unshuffle > 1:
            return "scale 3 needs unshuffle 1; with unshuffle, the scale must be a power of 2"
        return enlargement_problem(spec.scale)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.rrdb.network import rrdb

        return rrdb(**self.arguments(spec))
