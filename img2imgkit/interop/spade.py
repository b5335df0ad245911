"""SPADE's official generator and style encoder: ``SPADEGenerator`` and ``ConvEncoder``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.interop.state import Family, State, modules

GAMMA, BETA, BOTH = ".mlp_gamma.", ".mlp_beta.", ".mlp_modulation."
CONVOLUTIONS = 6  # of the encoder


def joined(state: State) -> dict[str, np.ndarray]:
    """The state with gamma's and beta's convolutions as one, which makes gamma first."""
    found = dict(state)
    for name in [name for name in state if GAMMA in name]:
        other = name.replace(GAMMA, BETA)
        if other in state and state[other].shape == state[name].shape:
            found[name.replace(GAMMA, BOTH)] = np.concatenate([found.pop(name), found.pop(other)])
    return found


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.spade_generator``.

    Without "most", the number of doublings leaves no trace; nor does the shape of the map that a code begins as, only
    its area: a square, or else twice as wide as it is high.
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
        options |= {"latent": first.shape[1], "size": _sides(first.shape[0] // (16 * width.shape[0]))}
    return options if modules(state) <= {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
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


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    found = {"channels": "how many of them are classes, one of the unknown and an edge"}
    if arguments["upsampling"] == "normal":
        found["upsampling"] = "normal, 5 doublings; more, 6 of them, leaves the same traces"
    if "size" in arguments:
        height, width = arguments["size"]
        found["size"] = f"{height} x {width}; the file tells only how many cells that map has"
    return found


def _sides(cells: int) -> tuple[int, int]:
    """Height and width of a map of so many cells."""
    for aspect in (1, 2):
        height = math.isqrt(cells // aspect)
        if aspect * height**2 == cells:
            return height, aspect * height
    return 1, cells


def recognise_encoder(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.style_encoder``."""
    first, mean = state.get("layer1.0.weight_orig"), state.get("fc_mu.weight")
    if first is None or mean is None or (first.ndim, mean.ndim) != (4, 2):
        return None
    options = {"width": first.shape[0], "latent": mean.shape[0], "channels": first.shape[1]}
    return options if modules(state) == {module for module, _ in places_of_encoder(options)} else None


def places_of_encoder(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    del options  # always the same
    for number in range(1, CONVOLUTIONS + 1):
        yield f"layer{number}.0", f"conv{number}"
    yield "fc_mu", "mean"
    yield "fc_var", "log_variance"


SPADE_GENERATOR = Family("spade_generator", recognise, places, joined, assumed)
STYLE_ENCODER = Family("style_encoder", recognise_encoder, places_of_encoder)
