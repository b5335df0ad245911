"""ESPCN as an architecture that recognises the checkpoints of PyTorch's examples."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit.architectures import Arguments, Places, State, if_complete, shuffled

if TYPE_CHECKING:
    import keras

LAYERS = ("conv1", "conv2", "conv3", "conv4")
LAST = re.compile("conv4")
RADIUS = 5  # of a 5x5 and three 3x3 convolutions: 2 + 1 + 1 + 1


def recognise(state: State) -> dict[str, Any] | None:
    """The options and the spec of the network that a state dict belongs to; None if it is another network."""
    first, last = state.get("conv1.weight"), state.get("conv4.weight")
    if first is None or last is None or first.ndim != 4 or first.shape[2:] != (5, 5):
        return None
    width, channels = first.shape[:2]
    scale = math.isqrt(len(last) // channels)
    if scale**2 * channels != len(last):
        return None
    return if_complete(state, {"width": width, "scale": scale, "channels": channels}, places)


def places(arguments: Arguments) -> Places:
    """Modules have the names of our layers."""
    return zip(LAYERS, LAYERS, strict=True)


def cleaned(state: State) -> dict[str, np.ndarray]:
    """The state dict with the filters before the pixel shuffle in img2imgkit's order."""
    first = state.get("conv1.weight")
    return dict(state) if first is None or first.ndim != 4 else shuffled(state, LAST, first.shape[1])


class Espcn(kit.Architecture):
    """Convolutions at low resolution, then a pixel shuffle (Shi et al. 2016, https://arxiv.org/abs/1609.05158)."""

    name = "espcn"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint: ClassVar[kit.Checkpoint] = kit.Checkpoint(recognise, places, cleaned)

    width: int = Field(default=64, ge=2, description="filters of the first two convolutions; the third has half")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        return kit.Geometry(spec.scale, radius=RADIUS, channels=spec.channels)

    def build(self, spec: kit.NetworkSpec) -> keras.Model:
        import keras

        from img2imgkit.nn import PixelShuffle

        x = image = keras.Input((None, None, spec.channels))
        for name, filters, side in zip(LAYERS, (self.width, self.width, self.width // 2), (5, 3, 3), strict=False):
            x = keras.layers.Conv2D(filters, side, padding="same", activation="relu", name=name)(x)
        x = keras.layers.Conv2D(spec.channels * spec.scale**2, 3, padding="same", name=LAYERS[-1])(x)
        return keras.Model(image, PixelShuffle(spec.scale)(x))


@kit.hookimpl
def register_architectures(register: Callable[[type[kit.Architecture]], None]) -> None:
    """Add the architecture."""
    register(Espcn)
