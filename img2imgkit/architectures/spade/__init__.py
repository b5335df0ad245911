"""The generator and style encoder of SPADE's official code: ``SPADEGenerator`` and ``ConvEncoder``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Assumption,
    Checkpoint,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.spade.upsampling import DOUBLINGS, Upsampling
from img2imgkit.architectures.state_dict import if_complete, modules
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["DOUBLINGS", "Spade", "StyleEncoder", "Upsampling"]

GAMMA, BETA, BOTH = ".mlp_gamma.", ".mlp_beta.", ".mlp_modulation."
CONVOLUTIONS = 6  # of the style encoder


def joined(state: State) -> dict[str, np.ndarray]:
    """Merge the convolutions of gamma and beta into one, gamma first."""
    found = dict(state)
    for name in [name for name in state if GAMMA in name]:
        other = name.replace(GAMMA, BETA)
        if other in state and state[other].shape == state[name].shape:
            found[name.replace(GAMMA, BOTH)] = np.concatenate([found.pop(name), found.pop(other)])
    return found


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``spade_generator``.

    Except for "most", the number of upsampling steps cannot be inferred. Of the initial feature map only the area is
    known: it is taken to be a square, or else twice as wide as high. The size of training pictures follows from it.
    """
    last, first, width = (state.get(name) for name in ("conv_img.weight", "fc.weight", "up_3.conv_1.bias"))
    reads = state.get("head_0.norm_0.mlp_shared.0.weight")
    if last is None or first is None or width is None or reads is None:
        return None
    if (last.ndim, reads.ndim, width.ndim) != (4, 4, 1) or first.ndim not in (2, 4):
        return None
    most = any(name.startswith("up_4.") for name in state)
    options: dict[str, Any] = {
        "channels": reads.shape[1],
        "width": width.shape[0],
        "norm": "batch" if any(name.endswith("param_free_norm.running_mean") for name in state) else "instance",
        "spectral": "head_0.conv_0.weight_orig" in state,
        "kernel_size": reads.shape[2],
        "upsampling": "most" if most else "normal",
        "out_channels": last.shape[0],
    }
    if first.ndim == 2:
        unit = 2 ** DOUBLINGS[options["upsampling"]]
        height, sideways = _sides(first.shape[0] // (16 * width.shape[0]))
        options |= {"code": first.shape[1], "size": (unit * height, unit * sideways)}
    return options if modules(state) <= {module for module, _ in places(options)} else None


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    yield "fc", "fc"
    last = 4 if options["upsampling"] == "most" else 3
    for module in ("head_0", "G_middle_0", "G_middle_1", *(f"up_{number}" for number in range(last + 1))):
        layer = module.removeprefix("G_")
        for part in ("0", "1", "s"):
            yield f"{module}.conv_{part}", f"{layer}_conv_{part}"
            norm = f"{module}.norm_{part}"
            yield f"{norm}.param_free_norm", f"{layer}_norm_{part}_free"
            yield f"{norm}.mlp_shared.0", f"{layer}_norm_{part}_shared"
            yield f"{norm}{BOTH.rstrip('.')}", f"{layer}_norm_{part}_modulation"
    yield "conv_img", "last_conv"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state; the task refines it."""
    text = "how the generator's input channels divide into classes, unknown pixels and an edge map"
    found = [Assumption("channels", arguments["channels"], (), text)]
    if arguments["upsampling"] == "normal":
        text = "the generator has 5 upsampling steps; a file with 6 looks the same"
        found.append(Assumption("upsampling", "normal", ("more",), text))
    if arguments.get("code") and arguments.get("size"):
        height, width = arguments["size"]
        text = f"training pictures were {height} x {width} pixels; the file only states the area"
        normal = arguments["upsampling"] == "normal"
        others = ([2 * height, 2 * width],) if normal else ()
        found.append(Assumption("size", (height, width), others, f"{text}{'; twice that with 6 steps' * normal}"))
    return tuple(found)


def _sides(cells: int) -> tuple[int, int]:
    """Height and width of a map with that area."""
    for aspect in (1, 2):
        height = math.isqrt(cells // aspect)
        if aspect * height**2 == cells:
            return height, aspect * height
    return 1, cells


def recognise_encoder(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``style_encoder``."""
    first, mean = state.get("layer1.0.weight_orig"), state.get("fc_mu.weight")
    if first is None or mean is None or (first.ndim, mean.ndim) != (4, 2):
        return None
    options = {"width": first.shape[0], "code": mean.shape[0], "channels": first.shape[1]}
    return if_complete(state, options, places_of_encoder)


def places_of_encoder(options: Arguments) -> Places:
    """Yield each module and its layer."""
    del options  # the modules are always the same
    for number in range(1, CONVOLUTIONS + 1):
        yield f"layer{number}.0", f"conv{number}"
    yield "fc_mu", "mean"
    yield "fc_var", "log_variance"


def receptive_radius(kernel_size: int, upsampling: Upsampling) -> int:
    """The receptive radius in the label map, with running batch statistics and without a style code."""
    factor = 2 ** DOUBLINGS[upsampling]
    doubles = [False, True, upsampling != "normal", True, True, True, True, *([True] if upsampling == "most" else [])]
    factors = []
    for doubled in doubles:
        factor = factor // 2 if doubled else factor
        factors.append(factor)
    reading = 2 * (kernel_size // 2)  # the convolutions from label map to modulation
    cells, finer, radius = 1, 1, 0  # 1: the last convolution
    for factor in reversed(factors):
        cells = (cells + 1) // 2 if factor > finer else cells
        cells += 2  # both convolutions of the block
        radius = max(radius, (cells + reading) * factor + factor - 1)
        finer = factor
    return max(radius, (cells + 1) * finer + finer - 1)  # the convolution of the sampled map itself


class Spade(Architecture):
    """The generator of SPADE (Park et al. 2019, https://arxiv.org/abs/1903.07291).

    With ``code`` in the spec it also reads a style code of that length, which it maps to its initial feature map. The
    size of that map follows from ``size``, that of training pictures; for other pictures the map is resized.
    """

    name = "spade"
    roles = ("label-map-generator",)
    uses = ("channels", "out_channels", "norm", "spectral", "code", "size")
    checkpoint = Checkpoint(recognise, places, joined, assumptions)

    width: int = Field(default=64, ge=1, description="filters of the last block")
    kernel_size: Literal[1, 3, 5] = Field(default=3, description="kernel size of the convolutions on the label map")
    upsampling: Upsampling = Field(default="normal", description="upsampling steps: 5, 6 or 7")

    @model_validator(mode="after")
    def _has_filters(self) -> Self:
        if self.upsampling == "most" and self.width < 2:
            raise ValueError("width: upsampling 'most' needs 2 at least, since its last block has half as many filters")
        return self

    def problem(self, spec: NetworkSpec) -> str:
        if spec.norm == "none":
            return "norm: SPADE needs the norm 'batch' or 'instance', not 'none'"
        if spec.code is None:
            return ""
        if spec.size is None:
            return "size: a style code needs the height and width of training pictures"
        unit = 2 ** DOUBLINGS[self.upsampling]
        wrong = next((side for side in spec.size if side < 1 or side % unit), None)
        return (
            ""
            if wrong is None
            else f"size: {wrong} is not a multiple of {unit}, as upsampling {self.upsampling!r} needs"
        )

    def geometry(self, spec: NetworkSpec) -> Geometry:
        multiple = int(2 ** DOUBLINGS[self.upsampling])
        local = spec.norm == "batch" and spec.code is None
        radius = receptive_radius(self.kernel_size, self.upsampling) if local else None
        return Geometry(1, multiple, radius, spec.channels, spec.written, minimum=multiple)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.spade.network import spade_generator

        return spade_generator(**self.arguments(spec))


class StyleEncoder(Architecture):
    """The style encoder of SPADE (https://arxiv.org/abs/1903.07291): mean and log variance of a picture's style code.

    It reads pictures of any size.
    """

    name = "style-encoder"
    roles = ("style-encoder",)
    uses = ("channels", "code")
    makes_pictures = False
    checkpoint = Checkpoint(recognise_encoder, places_of_encoder)

    width: int = Field(default=64, ge=1, description="filters of the first layer")

    def problem(self, spec: NetworkSpec) -> str:
        return "code: a style encoder needs the length of the style code" if spec.code is None else ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.spade.network import style_encoder

        return style_encoder(**self.arguments(spec))
