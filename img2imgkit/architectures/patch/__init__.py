"""PatchGAN of the official code of pix2pix, CycleGAN and CUT: ``NLayerDiscriminator``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import (
    has_batch_norm,
    if_complete,
    without_instance_statistics,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Patch"]

CONVOLUTION = re.compile(r"model\.(\d+)\.weight(_orig)?")


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``patch_critic``."""
    found = [name for name in state if CONVOLUTION.fullmatch(name) and state[name].ndim == 4]
    if len(found) < 3 or any(state[name].shape[2:] != (4, 4) for name in found):
        return None
    first = state.get("model.0.weight", state.get("model.0.weight_orig"))
    if first is None or first.ndim != 4:
        return None
    spectral = "model.0.weight_orig" in state
    biased = sum(f"{name.rpartition('.')[0]}.bias" in state for name in found) == len(found)
    options = {
        "channels": first.shape[1],
        "width": first.shape[0],
        "layers": len(found) - 2,
        "norm": "batch" if has_batch_norm(state) else "instance" if biased and not spectral else "none",
        "spectral": spectral,
        "antialias": any(name.endswith(".filt") for name in state),
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    smooth = int(options["antialias"])
    yield "model.0", "conv0"
    index = 2 + smooth
    for number in range(1, options["layers"] + 1):
        yield f"model.{index}", f"conv{number}"
        if options["norm"] == "batch":
            yield f"model.{index + 1}", f"norm{number}"
        index += 3 + (smooth if number < options["layers"] else 0)
    yield f"model.{index}", f"conv{options['layers'] + 1}"


class Patch(Architecture):
    """PatchGAN (Isola et al. 2017, https://arxiv.org/abs/1611.07004)."""

    name = "patch"
    roles = ("critic",)
    uses = ("channels", "norm", "spectral")
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, without_instance_statistics)

    layers: int = Field(default=3, ge=1, description="downsampling steps; 3 has a receptive field of 70x70 pixels")
    width: int = Field(default=64, ge=1, description="filters of the first layer")
    antialias: bool = Field(default=False, description="anti-aliased downsampling")
    init: Literal["normal", "xavier"] = Field(default="normal", description="initializer of the kernels; xavier in CUT")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=None, channels=spec.channels, minimum=int(2 ** (self.layers + 2)))

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.patch.network import patch_critic

        return patch_critic(**self.arguments(spec))
