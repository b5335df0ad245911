"""StarGAN's official networks: ``Generator`` and ``Discriminator``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from img2imgkit.interop.state import Family, State, modules

RUNNING = (".running_mean", ".running_var", ".num_batches_tracked")
INSIDE = ((0, "conv0"), (1, "norm0"), (3, "conv1"), (4, "norm1"))  # modules of a residual block


def recognise_generator(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.stargan_generator``."""
    first = state.get("main.0.weight")
    found = [name for name in state if re.fullmatch(r"main\.\d+\.weight", name) and state[name].ndim == 4]
    if first is None or first.ndim != 4 or first.shape[2:] != (7, 7):
        return None
    blocks = {match[1] for name in state if (match := re.fullmatch(r"main\.(\d+)\.main\.0\.weight", name))}
    channels = state[max(found, key=_index)].shape[0]
    options = {
        "domains": first.shape[1] - channels,
        "width": first.shape[0],
        "blocks": len(blocks),
        "channels": channels,
    }
    if options["domains"] < 1:
        return None
    return options if modules(state) == {module for module, _ in generator_places(options)} else None


def generator_places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    for index, part in ((0, "stem"), (3, "down0"), (6, "down1")):
        yield from _step(index, part)
    for number in range(options["blocks"]):
        for inside, layer in INSIDE:
            yield f"main.{9 + number}.main.{inside}", f"block{number}_{layer}"
    after = 9 + options["blocks"]
    for index, part in ((after, "up0"), (after + 3, "up1")):
        yield from _step(index, part)
    yield f"main.{after + 6}", "last_conv"


def without_running_statistics(state: State) -> State:
    """The state less the running statistics of its instance norms: the official code keeps and never uses them."""
    return {name: array for name, array in state.items() if not name.endswith(RUNNING)}


def recognise_critic(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.domain_critic``; the size is what the last convolution covers."""
    first, logits = state.get("main.0.weight"), state.get("conv2.weight")
    if first is None or logits is None or first.ndim != 4 or logits.ndim != 4:
        return None
    layers = sum(re.fullmatch(r"main\.\d+\.weight", name) is not None for name in state)
    options = {
        "size": logits.shape[2] * 2**layers,
        "domains": logits.shape[0],
        "width": first.shape[0],
        "layers": layers,
        "channels": first.shape[1],
    }
    return options if modules(state) == {module for module, _ in critic_places(options)} else None


def critic_places(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The modules and their layers."""
    for number in range(options["layers"]):
        yield f"main.{2 * number}", f"conv{number}"
    yield "conv1", "scores"
    yield "conv2", "logits"


def assumed(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What a file cannot tell."""
    del arguments
    return {"domains": "what they are called, and whether they are of one label set, or of two and a mask of 2 numbers"}


def _step(index: int, part: str) -> Iterator[tuple[str, str]]:
    yield f"main.{index}", f"{part}_conv"
    yield f"main.{index + 1}", f"{part}_norm"


def _index(name: str) -> int:
    return int(name.split(".")[1])


STARGAN_GENERATOR = Family(
    "stargan_generator", recognise_generator, generator_places, without_running_statistics, assumed
)
DOMAIN_CRITIC = Family("domain_critic", recognise_critic, critic_places, assumed=assumed)
