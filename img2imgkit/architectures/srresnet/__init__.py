"""Residual super-resolution networks of BasicSR, ``MSRResNet`` and ``EDSR``, the latter also under its first names."""

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
from img2imgkit.architectures.mixed_channels import are_possible, enlarging_geometry, sum_problem
from img2imgkit.architectures.receptive_field import CONVOLUTION, enlargement_problem, enlargements, receptive_radius
from img2imgkit.architectures.state_dict import if_complete, modules, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Edsr", "Srresnet"]

BEFORE_SHUFFLES = re.compile(r"upconv\d+|upsample\.\d+")
BLOCK = re.compile(r"body\.(\d+)\.conv1\.weight")
UP = re.compile(r"(?:upconv|upsample\.)(\d+)\.weight")
OWN_BLOCK = re.compile(r"body\.(\d+)\.body\.([02])")  # in EDSR's own code, as all names that begin with OWN
OWN = "head.0.weight"
LARGE = 256  # filters of the large EDSR, whose residual scaling is 0.1


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the convolutions before pixel shuffles."""
    return shuffled(state, BEFORE_SHUFFLES)


def renamed(state: State) -> dict[str, np.ndarray]:
    """Rename EDSR's own names to those of BasicSR, and reorder the convolutions before pixel shuffles."""
    if OWN in state:
        split = [(*name.rpartition("."), array) for name, array in state.items()]
        state = {f"{_renamed(module)}{dot}{leaf}": array for module, dot, leaf, array in split}
    return in_our_order(state)


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``srresnet``."""
    options = _found(state)
    return options if options and modules(state) == {module for module, _ in places(options)} else None


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield "conv_first", "first"
    yield from _blocks(options["blocks"])
    for number in range(len(enlargements(options["scale"]))):
        yield f"upconv{number + 1}", f"up{number}_conv"
    yield "conv_hr", "fine"
    yield "conv_last", "last"


def recognise_edsr(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``edsr``, see ``assumptions``."""
    options = _found(state)
    if options is None or (options.pop("channels"), options.pop("out_channels")) != (3, 3):
        return None
    options |= {"residual_scale": 0.1 if options["width"] >= LARGE else 1.0, **found_mean(state)}
    return if_complete(state, options, places_of_edsr)


def places_of_edsr(options: Arguments) -> Places:
    """Yield each module and its layer; a shuffle follows each convolution that enlarges."""
    yield from mean_places(options)
    yield "conv_first", "first"
    yield from _blocks(options["blocks"])
    yield "conv_after_body", "body"
    for number in range(len(enlargements(options["scale"]))):
        yield f"upsample.{2 * number}", f"up{number}_conv"
    yield "conv_last", "last"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files of EDSR do not state."""
    width, factor = arguments["width"], arguments["residual_scale"]
    text = f"residual scaling is {factor:g}, the official value for {width} filters"
    return (Assumption("residual_scale", factor, (), text), *colour_assumptions(arguments))


def _renamed(module: str) -> str:
    if match := OWN_BLOCK.fullmatch(module):
        return f"body.{match[1]}.conv{1 if match[2] == '0' else 2}"
    if re.fullmatch(r"body\.\d+", module):
        return "conv_after_body"
    return {"head.0": "conv_first", "tail.1": "conv_last"}.get(module, module.replace("tail.0.", "upsample."))


def _found(state: State) -> dict[str, Any] | None:
    """Arguments that both networks share."""
    first, last = state.get("conv_first.weight"), state.get("conv_last.weight")
    ups = [array for name, array in state.items() if UP.fullmatch(name)]
    if first is None or last is None or any(array.ndim != 4 for array in (first, last, *ups)):
        return None
    width, channels = first.shape[:2]
    scale = math.prod(math.isqrt(len(array) // width) for array in ups)
    blocks = sum(BLOCK.fullmatch(name) is not None for name in state)
    found = {"scale": scale, "width": width, "blocks": blocks, "channels": channels, "out_channels": len(last)}
    return found if are_possible(channels, len(last)) and not enlargement_problem(scale) else None


def _blocks(count: int) -> Places:
    for number in range(count):
        for inside in range(2):
            yield f"body.{number}.conv{inside + 1}", f"block{number}_conv{inside}"


class Srresnet(Architecture):
    """MSRResNet, the baseline of ESRGAN (Wang et al. 2018, https://arxiv.org/abs/1809.00219)."""

    name = "srresnet"
    roles = ("enlarger",)
    uses = ("scale", "channels", "out_channels")
    checkpoint = Checkpoint(recognise, places, in_our_order)

    width: int = Field(default=64, ge=1, description="filters of each convolution")
    blocks: int = Field(default=16, ge=0, description="residual blocks, of two convolutions each")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        ups = [step for factor in enlargements(spec.scale) for step in (CONVOLUTION, factor)]
        steps = [*[CONVOLUTION] * (2 * self.blocks + 1), *ups, CONVOLUTION, CONVOLUTION]
        return enlarging_geometry(spec, receptive_radius(steps))

    def problem(self, spec: NetworkSpec) -> str:
        return enlargement_problem(spec.scale) or sum_problem(spec)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.srresnet.network import srresnet

        return srresnet(**self.arguments(spec))


class Edsr(Architecture):
    """EDSR (Lim et al. 2017, https://arxiv.org/abs/1707.02921).

    The default is the small network; the large one has width 256, 32 blocks and residual_scale 0.1. Checkpoints of
    EDSR's own code store the mean colour, and their networks map levels from 0 to 255 (``levels``).
    """

    name = "edsr"
    roles = ("enlarger",)
    uses = ("scale",)
    checkpoint = Checkpoint(recognise_edsr, places_of_edsr, renamed, assumptions)

    width: int = Field(default=64, ge=1, description="filters of each convolution")
    blocks: int = Field(default=16, ge=0, description="residual blocks, of two convolutions each")
    residual_scale: float = Field(default=1.0, gt=0, description="residual scaling: factor of what each block adds")
    gain: Gain = 255.0
    mean: Colour = DIV2K
    levels: Levels = False

    @property
    def official_values(self) -> OfficialValues:
        return values_of(self.levels)

    def geometry(self, spec: NetworkSpec) -> Geometry:
        ups = [step for factor in enlargements(spec.scale) for step in (CONVOLUTION, factor)]
        steps = [*[CONVOLUTION] * (2 * self.blocks + 2), *ups, CONVOLUTION]
        return Geometry(spec.scale, radius=receptive_radius(steps), channels=spec.channels)

    def problem(self, spec: NetworkSpec) -> str:
        if (spec.channels, spec.written) != (3, 3):
            return f"EDSR needs 3 channels, not {spec.channels}"
        return enlargement_problem(spec.scale)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.srresnet.network import edsr

        return edsr(**self.arguments(spec))
