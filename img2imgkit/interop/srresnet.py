"""Residual super-resolution networks of BasicSR's official code: ``MSRResNet`` and ``EDSR``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.interop.shuffled import shuffled
from img2imgkit.interop.state import Family, State, modules

Places = Iterator[tuple[str, str]]
BEFORE_SHUFFLES = re.compile(r"upconv\d+|upsample\.\d+")
BLOCK = re.compile(r"body\.(\d+)\.conv1\.weight")
UP = re.compile(r"(?:upconv|upsample\.)(\d+)\.weight")
RGB_MEAN = (0.4488, 0.4371, 0.4040)  # officially, of DIV2K
LARGE = 256  # filters of EDSR's large network, whose blocks count a tenth


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """The state with what feeds the pixel shuffles in our order."""
    return shuffled(state, BEFORE_SHUFFLES)


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.srresnet``."""
    options = _found(state)
    return options if options and modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Places:
    """The modules and their layers."""
    yield "conv_first", "first"
    yield from _blocks(options["blocks"])
    for number in range(_steps(options["scale"])):
        yield f"upconv{number + 1}", f"up{number}_conv"
    yield "conv_hr", "fine"
    yield "conv_last", "last"


def recognise_edsr(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.edsr``, see ``assumed``."""
    options = _found(state)
    if options is None or options.pop("channels") != 3:
        return None
    options |= {"residual_scale": 0.1 if options["width"] >= LARGE else 1.0, "gain": 255.0, "mean": RGB_MEAN}
    return options if modules(state) == {module for module, _ in places_of_edsr(options)} else None


def places_of_edsr(options: Mapping[str, Any]) -> Places:
    """The modules and their layers; a shuffle follows each convolution that enlarges."""
    yield "conv_first", "first"
    yield from _blocks(options["blocks"])
    yield "conv_after_body", "body"
    for number in range(_steps(options["scale"])):
        yield f"upsample.{2 * number}", f"up{number}_conv"
    yield "conv_last", "last"


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file of EDSR cannot tell."""
    return {
        "residual_scale": f"{arguments['residual_scale']}, as officially with {arguments['width']} filters",
        "gain": f"{arguments['gain']}, the official img_range",
        "mean": f"{', '.join(map(str, arguments['mean']))}, the official rgb_mean, that of DIV2K",
    }


def _found(state: State) -> dict[str, Any] | None:
    """What is read off both alike."""
    first, last = state.get("conv_first.weight"), state.get("conv_last.weight")
    ups = [array for name, array in state.items() if UP.fullmatch(name)]
    if first is None or last is None or any(array.ndim != 4 for array in (first, last, *ups)):
        return None
    width, channels = first.shape[:2]
    if last.shape[0] != channels:
        return None
    scale = math.prod(math.isqrt(len(array) // width) for array in ups)
    blocks = sum(BLOCK.fullmatch(name) is not None for name in state)
    known = scale == 3 or (scale > 0 and not scale & (scale - 1))
    return {"scale": scale, "width": width, "blocks": blocks, "channels": channels} if known else None


def _blocks(count: int) -> Places:
    for number in range(count):
        for inside in range(2):
            yield f"body.{number}.conv{inside + 1}", f"block{number}_conv{inside}"


def _steps(scale: int) -> int:
    """Enlargements: by 3 at once, or by 2 again and again."""
    return 1 if scale == 3 else int(scale).bit_length() - 1


SRRESNET = Family("srresnet", recognise, places, in_our_order)
EDSR = Family("edsr", recognise_edsr, places_of_edsr, in_our_order, assumed)
