"""The multi-scale critics of pix2pixHD's and SPADE's official code, both called ``MultiscaleDiscriminator``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import has_batch_norm, modules, norm_assumption, without_instance_statistics
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Multiscale"]

SPADE = re.compile(r"discriminator_(\d+)\.model(\d+)\.0(?:\.([01]))?")
MATCHED = re.compile(r"scale(\d+)_layer(\d+)\.([01])")  # pix2pixHD with feature matching
PLAIN = re.compile(r"layer(\d+)\.(\d+)")  # pix2pixHD without; activations are numbered, too
OURS = re.compile(r"scale(\d+)_conv(\d+)")


def renamed(state: State) -> dict[str, np.ndarray]:
    """Rename modules to our layers; other arrays keep their names."""
    found = without_instance_statistics(state)
    scales = _scales_of_pix2pixhd(found)
    return {_renamed(name, scales): array for name, array in found.items()}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``multiscale_critic``. Instance normalization has no arrays; it is the default."""
    kernels = {
        (int(match[1]), int(match[2])): array
        for name, array in state.items()
        if array.ndim == 4 and (match := OURS.fullmatch(name.rpartition(".")[0]))
    }
    if (0, 0) not in kernels or any(array.shape[2:] != (4, 4) for array in kernels.values()):
        return None
    scales, convolutions = (1 + max(numbers) for numbers in zip(*kernels, strict=True))
    options = {
        "channels": kernels[0, 0].shape[1],
        "width": kernels[0, 0].shape[0],
        "layers": convolutions - 2,
        "scales": scales,
        "norm": "batch" if has_batch_norm(state) else "instance",
        "spectral": any(name.endswith("weight_orig") for name in state),
        "use_bias": all(f"scale{scale}_conv{number}.bias" in state for scale, number in kernels),
    }
    complete = convolutions > 2 and modules(state) == {module for module, _ in places(options)}
    return options if complete else None


def places(options: Arguments) -> Places:
    """Yield each module, as ``renamed``, and its layer."""
    for scale in range(options["scales"]):
        for number in range(options["layers"] + 2):
            parts = ["conv", "norm"] if options["norm"] == "batch" and 0 < number <= options["layers"] else ["conv"]
            for part in parts:
                yield (name := f"scale{scale}_{part}{number}"), name


def _scales_of_pix2pixhd(state: State) -> int:
    found = (pattern.fullmatch(module) for module in modules(state) for pattern in (MATCHED, PLAIN))
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _renamed(name: str, scales: int) -> str:
    module, _, leaf = name.rpartition(".")
    if match := SPADE.fullmatch(module):
        scale, number, inside = int(match[1]), int(match[2]), int(match[3] or 0)
    elif match := MATCHED.fullmatch(module):
        scale, number, inside = scales - 1 - int(match[1]), int(match[2]), int(match[3])  # the smallest is 0
    elif (match := PLAIN.fullmatch(module)) and int(match[2]) % 3 != 1:
        scale, number = scales - 1 - int(match[1]), -(-int(match[2]) // 3)
        inside = int(number > 0 and int(match[2]) % 3 == 0)
    else:
        return name
    return f"scale{scale}_{('conv', 'norm')[inside]}{number}.{leaf}"


class Multiscale(Architecture):
    """Patch critics at several scales (Wang et al. 2018, https://arxiv.org/abs/1711.11585).

    For each scale the network returns the features of every layer, then the scores.
    """

    name = "multiscale"
    roles = ("feature-critic",)
    uses = ("channels", "norm", "spectral")
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, renamed, norm_assumption)

    scales: int = Field(default=2, ge=1, description="number of scales, each at half the size of the one before")
    layers: int = Field(
        default=3, ge=1, description="downsampling steps at each scale; SPADE's official code counts one more"
    )
    width: int = Field(default=64, ge=1, description="filters of the first layer")
    use_bias: bool = Field(
        default=True, description="whether convolutions followed by a norm have a bias; not in SPADE"
    )
    init: Literal["normal", "xavier"] = Field(default="normal", description="initializer of the kernels")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=None, channels=spec.channels, minimum=int(2 ** (self.layers + self.scales - 1)))

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.multiscale.network import multiscale_critic

        return multiscale_critic(**self.arguments(spec))
