"""PixelGAN of pix2pix's official code: ``PixelDiscriminator``."""

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
    """Arguments of ``img2imgkit.nn.pixel_critic``."""
    first = state.get("net.0.weight")
    if first is None or first.shape[2:] != (1, 1):
        return None
    norm = "batch" if has_batch_norm(state) else "instance" if "net.2.bias" in state else "none"
    options = {"channels": first.shape[1], "width": first.shape[0], "norm": norm}
    return options if modules(state) == {module for module, _ in places(options)} else None


def places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    yield from (("net.0", "conv0"), ("net.2", "conv1"), ("net.5", "conv2"))
    if options["norm"] == "batch":
        yield "net.3", "norm1"


PIXEL_CRITIC = Family("pixel_critic", recognise, places, without_instance_statistics, assumed_statistics)
