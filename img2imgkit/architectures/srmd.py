"""SRMD of KAIR: one enlarging network for many degradations, which it reads beside the picture."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete, modules, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Srmd"]

MODULE = re.compile(r"model\.(\d+)")
SCALES = (2, 3, 4)  # of the official networks
COLOURS = (3, 1)  # channels of pictures that a last convolution may write, the usual ones first


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the convolution before the pixel shuffle."""
    found = _ends(state)
    if found is None:
        return dict(state)
    last, channels, _ = found
    return shuffled(state, re.compile(re.escape(f"model.{last}")), channels)


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``srmd``: a file is taken to be for colours if the last convolution's filters allow it."""
    found = _ends(state)
    if found is None:
        return None
    last, channels, scale = found
    width, read = state["model.0.weight"].shape[:2]
    options = {
        **{"scale": scale, "channels": channels, "code": read - channels},
        **{"width": width, "depth": last // 2 + 1},
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer; modules with odd numbers are activations."""
    for number in range(options["depth"]):
        yield f"model.{2 * number}", f"conv{number}"


class Srmd(Architecture):
    """SRMD (Zhang et al. 2018, https://arxiv.org/abs/1712.06116): convolutions that read a picture and its degradation.

    Each number of the degradation's code is a constant map beside the picture: the coefficients of the blur kernel's
    principal components, and the level of noise; SRMDNF, for pictures without noise, lacks the latter.
    """

    name = "srmd"
    roles = ("degradation-enlarger",)
    uses = ("scale", "channels", "code")
    checkpoint = Checkpoint(recognise, places, in_our_order)

    width: int = Field(default=128, ge=1, description="filters of each convolution")
    depth: int = Field(default=12, ge=2, description="convolutions")

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.code else "it reads the code of a degradation: state its length"

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(spec.scale, radius=self.depth, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> keras.Model:
        return srmd(**self.arguments(spec))


def srmd(scale: int = 2, width: int = 128, depth: int = 12, channels: int = 3, code: int = 16) -> keras.Model:
    """SRMD (Zhang et al. 2018, https://arxiv.org/abs/1712.06116, section 3.3).

    The last convolution is float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [0, 1], (N, code) -> (N, scale * H, scale * W, channels)

    >>> ops.shape(srmd(scale=3, width=4, depth=2, code=2)([ops.zeros((1, 5, 6, 3)), ops.zeros((1, 2))]))
    (1, 15, 18, 3)
    """
    import keras
    from keras import layers

    from img2imgkit.nn.layers import LabelMaps, PixelShuffle

    source = keras.Input((None, None, channels), name="source")
    degradation = keras.Input((code,), name="degradation")
    x = LabelMaps(name="maps")([source, degradation])  # (N, H, W, channels + code)
    for number in range(depth - 1):
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = layers.ReLU(name=f"act{number}")(x)
    last = layers.Conv2D(channels * scale**2, 3, padding="same", dtype="float32", name=f"conv{depth - 1}")
    return keras.Model(
        [source, degradation], PixelShuffle(scale, dtype="float32", name="shuffle")(last(x)), name="srmd"
    )


def _ends(state: State) -> tuple[int, int, int] | None:
    """The number of the last module, and the picture's channels and scale; None if it is another network."""
    numbers = [int(match[1]) for name in modules(state) if (match := MODULE.fullmatch(name))]
    first, last = (state.get(f"model.{number}.weight") for number in (0, max(numbers, default=0)))
    if first is None or last is None or first.ndim != 4 or last.ndim != 4 or len(numbers) < 2:
        return None
    if max(numbers) != 2 * (len(numbers) - 1):
        return None
    for channels in COLOURS:
        scale = math.isqrt(len(last) // channels)
        if scale in SCALES and channels * scale**2 == len(last) and first.shape[1] > channels:
            return max(numbers), channels, scale
    return None
