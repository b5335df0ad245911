"""The compact super-resolution network of Real-ESRGAN's official code: ``SRVGGNetCompact``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.interop.shuffled import shuffled
from img2imgkit.interop.state import Family, State, modules

BODY = re.compile(r"body\.(\d+)\.weight")


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """The state with what feeds the pixel shuffle in our order."""
    first, last = state.get("body.0.weight"), _last(state)
    if first is None or first.ndim != 4:
        return dict(state)
    return shuffled(state, re.compile(re.escape(f"body.{last}")), first.shape[1])


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.srvgg``, see ``assumed``."""
    first, last = (state.get(f"body.{number}.weight") for number in (0, _last(state)))
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    width, channels = first.shape[:2]
    scale = math.isqrt(len(last) // channels)
    options = {
        "scale": scale,
        "width": width,
        "depth": _last(state) // 2 - 1,
        "activation": "prelu" if "body.1.weight" in state else "leaky_relu",
        "channels": channels,
    }
    if channels * scale**2 != len(last) or options["depth"] not in range(len(state)):
        return None
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers; an activation follows each convolution but the last."""
    for number in range(options["depth"] + 1):
        yield f"body.{2 * number}", f"conv{number}"
        if options["activation"] == "prelu":
            yield f"body.{2 * number + 1}", f"act{number}"
    yield f"body.{2 * options['depth'] + 2}", f"conv{options['depth'] + 1}"


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    if arguments["activation"] == "prelu":
        return {}
    return {"activation": f"{arguments['activation']}; leaky_relu, of slope 0.1, and relu leave no traces"}


def _last(state: State) -> int:
    return max((int(match[1]) for name in state if (match := BODY.fullmatch(name))), default=0)


SRVGG = Family("srvgg", recognise, places, in_our_order, assumed)
