"""The critic of ESRGAN in BasicSR: ``VGGStyleDiscriminator``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["VggCritic"]

LEFT = 4  # height and width of the dense layers' input
DENSE = "linear1.weight"


def flattened(state: State) -> dict[str, np.ndarray]:
    """Reorder the first dense layer's inputs from PyTorch's (channels, h, w) to (h, w, channels)."""
    found = dict(state)
    dense = state.get(DENSE)
    if dense is not None and dense.ndim == 2 and dense.shape[1] % LEFT**2 == 0:
        seen = dense.reshape(len(dense), -1, LEFT, LEFT).transpose(0, 2, 3, 1)
        found[DENSE] = seen.reshape(dense.shape)
    return found


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``vgg_critic``."""
    first = state.get("conv0_0.weight")
    halvings = sum(f"conv{number}_1.weight" in state for number in range(len(state)))
    if first is None or first.ndim != 4 or DENSE not in state or not 0 < halvings < 10:
        return None
    options = {"size": LEFT * 2**halvings, "width": first.shape[0], "channels": first.shape[1]}
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    for number in range((options["size"] // LEFT).bit_length() - 1):
        for halves in range(2):
            yield f"conv{number}_{halves}", f"conv{number}_{halves}"
            if number or halves:
                yield f"bn{number}_{halves}", f"norm{number}_{halves}"
    for number in range(2):
        yield f"linear{number + 1}", f"dense{number}"


class VggCritic(Architecture):
    """A VGG-style classifier (Ledig et al. 2017, https://arxiv.org/abs/1609.04802)."""

    name = "vgg-critic"
    roles = ("critic",)
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, flattened)

    size: int = Field(default=128, ge=8, description="height and width of the images, a power of 2")
    width: int = Field(default=64, ge=1, description="filters of the first layer")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(multiple=self.size, radius=None, channels=spec.channels, minimum=self.size)

    def problem(self, spec: NetworkSpec) -> str:
        return f"size {self.size}: expected a power of 2" if self.size & (self.size - 1) else ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.vgg_critic.network import vgg_critic

        return vgg_critic(**self.arguments(spec))
