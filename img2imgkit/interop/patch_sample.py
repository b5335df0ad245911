"""The projection of CUT's official code: ``PatchSampleF``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from img2imgkit.interop.state import Family, State, modules


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.patch_sample``."""
    widths: list[int] = []
    while (kernel := state.get(f"mlp_{len(widths)}.0.weight")) is not None and kernel.ndim == 2:
        widths.append(kernel.shape[1])
    if not widths:
        return None
    options = {"widths": tuple(widths), "width": state["mlp_0.0.weight"].shape[0]}
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    for number in range(len(options["widths"])):
        yield f"mlp_{number}.0", f"mlp{number}_dense0"
        yield f"mlp_{number}.2", f"mlp{number}_dense1"


PATCH_SAMPLE = Family("patch_sample", recognise, places)
