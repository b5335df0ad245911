"""The networks of StarGAN's official code: ``Generator`` and ``Discriminator``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
from img2imgkit.architectures.state_dict import if_complete, layer_index
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Stargan", "StarganCritic"]

RUNNING = (".running_mean", ".running_var", ".num_batches_tracked")
INSIDE = ((0, "conv0"), (1, "norm0"), (3, "conv1"), (4, "norm1"))  # modules of a residual block


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``stargan_generator``."""
    first = state.get("main.0.weight")
    found = [name for name in state if re.fullmatch(r"main\.\d+\.weight", name) and state[name].ndim == 4]
    if first is None or first.ndim != 4 or first.shape[2:] != (7, 7):
        return None
    blocks = {match[1] for name in state if (match := re.fullmatch(r"main\.(\d+)\.main\.0\.weight", name))}
    channels = state[max(found, key=layer_index)].shape[0]
    options = {
        "code": first.shape[1] - channels,
        "width": first.shape[0],
        "blocks": len(blocks),
        "channels": channels,
    }
    if options["code"] < 1:
        return None
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
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
    """Remove the running statistics of instance norms, which the official code stores but never uses."""
    return {name: array for name, array in state.items() if not name.endswith(RUNNING)}


def recognise_critic(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``domain_critic``; the size follows from that of the last kernel."""
    first, logits = state.get("main.0.weight"), state.get("conv2.weight")
    if first is None or logits is None or first.ndim != 4 or logits.ndim != 4:
        return None
    layers = sum(re.fullmatch(r"main\.\d+\.weight", name) is not None for name in state)
    options = {
        "size": (logits.shape[2] * 2**layers, logits.shape[3] * 2**layers),
        "classes": logits.shape[0],
        "width": first.shape[0],
        "layers": layers,
        "channels": first.shape[1],
    }
    return if_complete(state, options, critic_places)


def critic_places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    for number in range(options["layers"]):
        yield f"main.{2 * number}", f"conv{number}"
    yield "conv1", "scores"
    yield "conv2", "logits"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state; the task refines it."""
    text = "the names of the domains, and whether they are one label set, or two with a mask vector of length 2"
    option = "code" if "code" in arguments else "classes"
    return (Assumption(option, arguments[option], (), text),)


def _step(index: int, part: str) -> Places:
    yield f"main.{index}", f"{part}_conv"
    yield f"main.{index + 1}", f"{part}_norm"


class Stargan(Architecture):
    """The generator of StarGAN (Choi et al. 2018, https://arxiv.org/abs/1711.09020)."""

    name = "stargan"
    roles = ("label-generator",)
    uses = ("channels", "code")
    checkpoint = Checkpoint(recognise, places, without_running_statistics, assumptions)

    width: int = Field(default=64, ge=1, description="filters of the first layer")
    blocks: int = Field(default=6, ge=0, description="residual blocks")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(1, 4, None, spec.channels, minimum=8)

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.code else "code: a label generator needs the length of its label"

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.stargan.network import stargan_generator

        return stargan_generator(**self.arguments(spec))


class StarganCritic(Architecture):
    """The critic of StarGAN (https://arxiv.org/abs/1711.09020), with a domain classifier."""

    name = "stargan-critic"
    roles = ("domain-critic",)
    uses = ("channels", "spectral", "classes", "size")
    makes_pictures = False
    checkpoint = Checkpoint(recognise_critic, critic_places, assumptions=assumptions)

    width: int = Field(default=64, ge=1, description="filters of the first layer; each layer doubles them")
    layers: int = Field(default=6, ge=1, description="downsampling steps")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        unit = 2**self.layers
        return Geometry(multiple=unit, radius=None, channels=spec.channels, minimum=max(spec.size or (unit,)))

    def problem(self, spec: NetworkSpec) -> str:
        unit = 2**self.layers
        if not spec.classes:
            return "classes: a critic of domains needs their number"
        if spec.size is None:
            return "size: its last layer depends on the size of training pictures"
        height, width = spec.size
        if height != width or height % unit:
            return f"size: expected a square, a multiple of {unit} for layers {self.layers}, got {height}x{width}"
        return ""

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.stargan.network import domain_critic

        return domain_critic(**self.arguments(spec))
