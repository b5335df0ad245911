"""The residual generator of CycleGAN's and CUT's official code: ``ResnetGenerator``."""

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

BLOCK = re.compile(r"model\.(\d+)\.conv_block\.(\d+)\.weight")


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.resnet``. Reflection and replication leave no trace: the default is the former."""
    first = state.get("model.1.weight")
    found = [match for name in state if (match := BLOCK.fullmatch(name)) and state[name].ndim == 4]
    last = max((name for name in state if re.fullmatch(r"model\.\d+\.weight", name)), key=_index, default="")
    if first is None or first.ndim != 4 or not found:
        return None
    blocks = sorted({int(match[1]) for match in found})
    inside = sorted({int(match[2]) for match in found})
    padded = inside[0] == 1
    filters = [_index(name) for name in state if re.fullmatch(r"model\.\d+\.filt", name)]
    options = {
        "blocks": len(blocks),
        "width": first.shape[0],
        "norm": "batch" if has_batch_norm(state) else "instance" if "model.1.bias" in state else "none",
        "dropout": 0.5 if inside[-1] - inside[0] == (5 if padded else 4) else 0.0,
        "channels": first.shape[1],
        "out_channels": state[last].shape[0],
        "antialias": any(index < blocks[0] for index in filters),
        "antialias_up": any(index > blocks[-1] for index in filters),
        "padding": "reflect" if padded else "zero",
    }
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    index = 1  # after the padding
    for part in ("stem", "down0", "down1"):
        yield from _step(f"model.{index}", f"model.{index + 1}", part, options)
        index += 4 if options["antialias"] and part != "stem" else 3
    padded = int(options["padding"] != "zero")
    second = 3 + 2 * padded + int(options["dropout"] > 0)
    for number in range(options["blocks"]):
        for inside, position in enumerate((padded, second)):
            block = f"model.{index}.conv_block"
            yield f"{block}.{position}", f"block{number}_conv{inside}"
            if options["norm"] == "batch":
                yield f"{block}.{position + 1}", f"block{number}_norm{inside}"
        index += 1
    for part in ("up0", "up1"):
        index += int(options["antialias_up"])
        yield from _step(f"model.{index}", f"model.{index + 1}", part, options)
        index += 3
    yield f"model.{index + 1}", "last_conv"


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    found = assumed_statistics(arguments)
    if arguments["padding"] == "reflect":
        found["padding"] = "reflect; replicate leaves the same traces"
    if arguments["dropout"]:
        found["dropout"] = "0.5; there is one in each block, in training only, and its share is not in the file"
    return found


def _step(conv: str, norm: str, part: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield conv, f"{part}_conv"
    if options["norm"] == "batch":
        yield norm, f"{part}_norm"


def _index(name: str) -> int:
    return int(name.split(".")[1])


RESNET = Family("resnet", recognise, places, without_instance_statistics, assumed)
