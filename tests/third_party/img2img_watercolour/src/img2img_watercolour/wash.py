"""An architecture: an enlarger of thin layers over the enlarged picture, with checkpoints of its own layout."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit.architectures import Arguments, Places, State, if_complete, shuffled

if TYPE_CHECKING:
    import keras

FRAME = re.compile("frame")


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """The state with the filters before the pixel shuffle in img2imgkit's order."""
    paper = state.get("paper.weight")
    return dict(state) if paper is None or paper.ndim != 4 else shuffled(state, FRAME, paper.shape[1])


def recognise(state: State) -> dict[str, Any] | None:
    """Options and spec of the network that a state dict is of."""
    paper, frame = state.get("paper.weight"), state.get("frame.weight")
    if paper is None or frame is None or paper.shape[2:] != (5, 5) or frame.ndim != 4:
        return None
    width, channels = paper.shape[:2]
    scale = math.isqrt(len(frame) // channels)
    layers = sum(name.endswith(".wet.weight") for name in state)
    if channels * scale**2 != len(frame):
        return None
    return if_complete(state, {"width": width, "layers": layers, "scale": scale, "channels": channels}, places)


def places(arguments: Arguments) -> Places:
    """The modules and their layers."""
    yield "paper", "paper"
    for number in range(arguments["layers"]):
        yield f"washes.{number}.wet", f"wet{number}"
        yield f"washes.{number}.dry", f"dry{number}"
    yield "frame", "frame"


class Wash(kit.Architecture):
    """Residual layers and a pixel shuffle (Shi et al. 2016, https://arxiv.org/abs/1609.05158).

    What they make is added to the picture, enlarged by repeating its pixels.
    """

    name = "wash"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = kit.Checkpoint(recognise, places, in_our_order)

    width: int = Field(default=16, ge=1, description="filters of each convolution")
    layers: int = Field(default=4, ge=0, description="residual layers")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        return kit.Geometry(spec.scale, radius=self.layers + 3, channels=spec.channels)

    def build(self, spec: kit.NetworkSpec) -> keras.Model:
        import keras

        from img2imgkit.nn import PixelShuffle

        def convolution(filters: int, side: int, name: str) -> Any:
            return keras.layers.Conv2D(filters, side, padding="same", name=name)

        image = keras.Input((None, None, spec.channels))
        x = convolution(self.width, 5, "paper")(image)
        for number in range(self.layers):
            wet = keras.ops.relu(convolution(self.width, 3, f"wet{number}")(x))
            x = x + convolution(self.width, 1, f"dry{number}")(wet)
        x = convolution(spec.channels * spec.scale**2, 3, "frame")(x)
        x = PixelShuffle(spec.scale)(x)
        return keras.Model(image, x + keras.layers.UpSampling2D(spec.scale)(image))


@kit.hookimpl
def register_architectures(register: Any) -> None:
    register(Wash)
