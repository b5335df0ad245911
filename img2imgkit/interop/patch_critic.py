"""PatchGAN of pix2pix's, CycleGAN's and CUT's official code: ``NLayerDiscriminator``."""

from __future__ import annotations

import re
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

CONVOLUTION = re.compile(r"model\.(\d+)\.weight(_orig)?")


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.patch_critic``."""
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
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    smooth = int(options["antialias"])
    yield "model.0", "conv0"
    index = 2 + smooth
    for number in range(1, options["layers"] + 1):
        yield f"model.{index}", f"conv{number}"
        if options["norm"] == "batch":
            yield f"model.{index + 1}", f"norm{number}"
        index += 3 + (smooth if number < options["layers"] else 0)
    yield f"model.{index}", f"conv{options['layers'] + 1}"


PATCH_CRITIC = Family("patch_critic", recognise, places, without_instance_statistics, assumed_statistics)
