"""The U-Net of pix2pix's official code: ``UnetGenerator``, each level's module inside the one around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from img2imgkit.interop.state import (
    Family,
    State,
    assumed_statistics,
    has_batch_norm,
    modules,
    without_instance_statistics,
)


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.unet``."""
    first, last = state.get("model.model.0.weight"), state.get("model.model.3.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        return None
    depth = 1
    while f"{_level(depth)}.model.1.weight" in state:
        depth += 1
    norm = "batch" if has_batch_norm(state) else "instance" if "model.model.0.bias" in state else "none"
    channels, out_channels = first.shape[1], last.shape[1]
    options = {
        "depth": depth,
        "width": first.shape[0],
        "norm": norm,
        "channels": channels,
        "out_channels": out_channels,
    }
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    depth = options["depth"]
    yield "model.model.0", "down0_conv"
    yield "model.model.3", "up0_conv"
    for level in range(1, depth):
        inside = f"{_level(level)}.model"
        innermost = level == depth - 1
        up = 3 if innermost else 5  # after the activation, and the level inside
        yield f"{inside}.1", f"down{level}_conv"
        yield f"{inside}.{up}", f"up{level}_conv"
        if options["norm"] == "batch":
            yield f"{inside}.{up + 1}", f"up{level}_norm"
            if not innermost:
                yield f"{inside}.2", f"down{level}_norm"


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    return {"dropout": "0.5 in the decoder's inner steps, in training only"} | assumed_statistics(arguments)


def _level(level: int) -> str:
    return "model.model.1" + ".model.3" * (level - 1)


UNET = Family("unet", recognise, places, without_instance_statistics, assumed)
