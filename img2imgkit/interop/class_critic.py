"""FUNIT's critic of classes: ``GPPatchMcResDis``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from img2imgkit.interop.state import Family, State, modules

WIDEST = 1024  # channels, officially and in ``img2imgkit.nn.class_critic``
BLOCK = re.compile(r"cnn_f\.(\d+)\.conv_0\.conv\.weight(_orig)?")


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.class_critic``."""
    spectral = "cnn_f.0.conv.weight_orig" in state
    leaf = "weight_orig" if spectral else "weight"
    first, last = state.get(f"cnn_f.0.conv.{leaf}"), state.get(f"cnn_c.0.conv.{leaf}")
    blocks = sum(BLOCK.fullmatch(name) is not None for name in state)
    if first is None or last is None or first.ndim != 4 or blocks < 2 or blocks % 2:
        return None
    options = {
        "classes": last.shape[0],
        "width": first.shape[0],
        "blocks": blocks,
        "channels": first.shape[1],
        "spectral": spectral,
    }
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers; a padding and a pooling follow each pair of blocks."""
    yield "cnn_f.0.conv", "stem_conv"
    width = options["width"]
    for number in range(options["blocks"]):
        filters = width if number % 2 == 0 else min(2 * width, WIDEST)
        module = f"cnn_f.{1 + number % 2 + 4 * (number // 2)}"
        for name, layer in (("conv_0", "0"), ("conv_1", "1"), *([("conv_s", "shortcut")] if filters != width else [])):
            yield f"{module}.{name}.conv", f"block{number}_{layer}_conv"
        width = filters
    yield "cnn_c.0.conv", "last_conv"


CLASS_CRITIC = Family("class_critic", recognise, places)
