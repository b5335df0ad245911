"""The U-Nets of waifu2x and Real-CUGAN: ``CUNet`` and ``UpCUNet``, ``UpCunet2x``, ``UpCunet3x`` and ``UpCunet4x``."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from img2imgkit.architectures.cunet import sizes
from img2imgkit.architectures.state_dict import PRO, if_complete, shuffled
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Cunet", "sizes"]

PLAIN = ("unet1.conv1.conv.0", "unet1.conv1.conv.2", "unet2.conv1.conv.0", "unet2.conv1.conv.2")
WEIGHTED = ("unet1.conv2", "unet2.conv2", "unet2.conv3", "unet2.conv4")  # pairs of convolutions with attention
STEPS = (
    *("unet1.conv1_down", "unet1.conv2_up", "unet1.conv3", "unet1.conv_bottom"),
    *("unet2.conv1_down", "unet2.conv2_down", "unet2.conv3_up", "unet2.conv4_up", "unet2.conv5", "unet2.conv_bottom"),
)
FINAL = "conv_final"  # before the pixel shuffle of scale 4
BEFORE_SHUFFLE = re.compile(FINAL)
WAIFU2X, REAL_CUGAN = "replicate", "reflect"  # how the program of each continues a picture beyond its edge
WHOSE = {WAIFU2X: "waifu2x", REAL_CUGAN: "Real-CUGAN"}


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Name the mark of Real-CUGAN's "pro" networks, and reorder the convolution before the pixel shuffle."""
    named = {PRO if name == "pro" else name: array for name, array in state.items()}
    first = state.get(f"{PLAIN[0]}.weight")
    return shuffled(named, BEFORE_SHUFFLE, first.shape[1]) if first is not None and first.ndim == 4 else named


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``cunet``, see ``assumptions``."""
    first, bottom, last = (state.get(f"{name}.weight") for name in (PLAIN[0], STEPS[3], STEPS[-1]))
    if first is None or bottom is None or last is None or any(each.ndim != 4 for each in (first, bottom, last)):
        return None
    width, channels = first.shape[:2]
    final = state.get(f"{FINAL}.weight")
    known = {kernel: scale for scale, kernel in sizes.BOTTOM_KERNELS.items() if scale != 4}
    scale = 4 if final is not None else known.get(bottom.shape[-1])
    if scale is None or (4 * channels if final is not None else channels) != len(last if final is None else final):
        return None
    options = {
        **{"scale": scale, "channels": channels, "width": width},
        **{"attention": f"{WEIGHTED[0]}.seblock.conv1.weight" in state, "pro": PRO in state},
        **{"edge": WAIFU2X if scale == 1 else REAL_CUGAN, "clipped": False},
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer, whose name has "_" in place of "."."""
    for module in _modules(options):
        yield module, module.replace(".", "_")


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    mirrored = arguments["edge"] == REAL_CUGAN
    edge = f"pictures are {'mirrored' if mirrored else 'repeated'} beyond their edge, as by {WHOSE[arguments['edge']]}"
    clip = "values between the two U-Nets are not clipped; waifu2x's nunif clips them to 0 to 1, other programs do not"
    pro = "values are 0 to 1 inside, since the file lacks the mark of Real-CUGAN's 'pro' networks"
    found = [Assumption("edge", arguments["edge"], (WAIFU2X if mirrored else REAL_CUGAN,), edge)]
    if arguments["scale"] <= 2 and not arguments["pro"]:
        found.append(Assumption("clipped", False, (True,), clip))
    if arguments["scale"] > 1 and not arguments["pro"]:
        found.append(Assumption("pro", False, (True,), pro))
    return tuple(found)


class Cunet(Architecture):
    """The two U-Nets in a row of waifu2x and Real-CUGAN (https://github.com/bilibili/ailab/tree/main/Real-CUGAN).

    At scale 1 and 2 it is waifu2x's ``CUNet`` and ``UpCUNet`` (https://github.com/nagadomi/nunif), at 2, 3 and 4
    Real-CUGAN's. The official networks have no padding, and their programs continue a picture beyond its edge before
    they run them; this one does so itself. Attention weights each channel by a function of its mean over the whole
    picture, so that tiles are not exact; Real-CUGAN's own program can average the means of all tiles, in a pass
    over the tiles for each. Networks without attention ("nose") have exact tiles, which begin at even pixels or
    multiples of 4: pictures of another size are mirrored up to a multiple first, so that their bottom and right edges
    differ from the official code's.
    """

    name = "cunet"
    roles = ("enlarger",)
    uses = ("scale", "channels")
    checkpoint = Checkpoint(recognise, places, in_our_order, assumptions)

    width: int = Field(default=32, ge=4, description="filters of the first convolution; others have 2 to 8 times more")
    attention: bool = Field(default=True, description="weight channels by their means (squeeze and excitation)")
    edge: Literal["replicate", "reflect"] = Field(
        default="reflect",
        description="how a picture continues beyond its edge: repeated, as by waifu2x, or mirrored, as by Real-CUGAN",
    )
    clipped: bool = Field(default=False, description="clip values between the two U-Nets to 0 to 1, as nunif does")
    pro: bool = Field(
        default=False, description="values are 0.15 to 0.85 inside, as in the 'pro' networks of Real-CUGAN"
    )

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.scale in sizes.MARGINS else f"scale {spec.scale}: expected 1, 2, 3 or 4"

    def geometry(self, spec: NetworkSpec) -> Geometry:
        if self.attention:
            return Geometry(spec.scale, radius=None, channels=spec.channels)
        return Geometry(spec.scale, sizes.MULTIPLES[spec.scale], sizes.radius(spec.scale), spec.channels)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.cunet.network import cunet

        return cunet(**self.arguments(spec))


def _modules(options: Arguments) -> Iterator[str]:
    yield from (*PLAIN, *STEPS)
    for pair in WEIGHTED:
        yield from (f"{pair}.conv.0", f"{pair}.conv.2")
        if options["attention"]:
            yield from (f"{pair}.seblock.conv1", f"{pair}.seblock.conv2")
    if options["scale"] == 4:
        yield FINAL
