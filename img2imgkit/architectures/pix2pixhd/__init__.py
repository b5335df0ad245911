"""pix2pixHD's official generators and encoder: ``GlobalGenerator``, ``LocalEnhancer`` and ``Encoder``."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Assumption,
    Checkpoint,
    CoarseToFineGenerator,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.state_dict import (
    has_batch_norm,
    if_complete,
    norm_assumption,
    without_instance_statistics,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["InstanceEncoder", "Pix2PixHd"]

Walk = Generator[tuple[str, str], None, int]  # returns the index after the modules that it yielded
BLOCK = re.compile(r"(model(?:\d+_2)?)\.(\d+)\.conv_block\.1\.weight")
PLAIN = re.compile(r"(model(?:\d+_[12])?)\.(\d+)\.weight")


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``pix2pixhd_generator``. With two downsampling steps it equals CycleGAN's network."""
    convolutions, blocks = _found(PLAIN, state, 4), _found(BLOCK, state, 4)
    enhancers = sum(name.endswith("_2") for name in blocks)
    last = f"model{enhancers}_2" if enhancers else "model"
    stem = state.get(f"model{enhancers}_1.1.weight" if enhancers else "model.1.weight")
    if stem is None or stem.ndim != 4 or "model" not in blocks or last not in convolutions:
        return None
    options = {
        "channels": stem.shape[1],
        "width": stem.shape[0],
        "downs": sum(place < min(blocks["model"]) for place in convolutions["model"]) - 1,
        "blocks": len(blocks["model"]),
        "enhancers": enhancers,
        "local_blocks": len(blocks[last]) if enhancers else 3,
        "norm": "batch" if has_batch_norm(state) else "instance",
        "out_channels": state[f"{last}.{max(convolutions[last])}.weight"].shape[0],
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer inside the model\'s networks."""
    batch, enhancers = options["norm"] == "batch", options["enhancers"]
    index = yield from _down("model", "global", options["downs"], batch)
    index = yield from _blocks("model", index, "global", options["blocks"], batch)
    index = yield from _up("model", index, "global", options["downs"], batch)
    if not enhancers:
        yield f"model.{index + 1}", "output/last_conv"
    for number in range(1, enhancers + 1):
        before, after, inside = f"model{number}_1", f"model{number}_2", f"enhancer{number}"
        yield from _down(before, inside, 1, batch)
        index = yield from _blocks(after, 0, inside, options["local_blocks"], batch)
        index = yield from _up(after, index, inside, 1, batch)
        if number == enhancers:
            yield f"{after}.{index + 1}", f"{inside}/last_conv"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state; the task refines it."""
    text = "how the generator's input channels divide into classes, an edge map and instance features"
    return (Assumption("channels", arguments["channels"], (), text), *norm_assumption(arguments))


def recognise_encoder(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``instance_encoder``."""
    stem, found = state.get("model.1.weight"), _found(PLAIN, state, 4).get("model", [])
    if stem is None or stem.ndim != 4 or len(found) % 2:
        return None
    options = {
        "out_channels": state[f"model.{max(found)}.weight"].shape[0],
        "width": stem.shape[0],
        "downs": len(found) // 2 - 1,
        "norm": "batch" if has_batch_norm(state) else "instance",
        "channels": stem.shape[1],
    }
    return if_complete(state, options, places_of_encoder)


def places_of_encoder(options: Arguments) -> Places:
    """Yield each module and its layer."""
    batch = options["norm"] == "batch"
    index = yield from _down("model", "", options["downs"], batch)
    index = yield from _up("model", index, "", options["downs"], batch)
    yield f"model.{index + 1}", "last_conv"


def _down(module: str, inside: str, downs: int, batch: bool) -> Walk:
    for number, name in enumerate(["stem", *(f"down{number}" for number in range(downs))]):
        yield from _step(f"{module}.{1 + 3 * number}", f"{module}.{2 + 3 * number}", inside, name, batch)
    return 4 + 3 * downs


def _up(module: str, index: int, inside: str, downs: int, batch: bool) -> Walk:
    for number in range(downs):
        yield from _step(f"{module}.{index}", f"{module}.{index + 1}", inside, f"up{number}", batch)
        index += 3
    return index


def _blocks(module: str, index: int, inside: str, blocks: int, batch: bool) -> Walk:
    for number in range(blocks):
        for position in range(2):
            block = f"{module}.{index + number}.conv_block.{1 + 4 * position}"
            yield block, _layer(inside, f"block{number}_conv{position}")
            if batch:
                norm = f"{module}.{index + number}.conv_block.{2 + 4 * position}"
                yield norm, _layer(inside, f"block{number}_norm{position}")
    return index + blocks


def _step(conv: str, norm: str, inside: str, name: str, batch: bool) -> Places:
    yield conv, _layer(inside, f"{name}_conv")
    if batch:
        yield norm, _layer(inside, f"{name}_norm")


def _layer(inside: str, name: str) -> str:
    return f"{inside}/{name}" if inside else name


def _found(pattern: re.Pattern[str], state: State, axes: int) -> dict[str, list[int]]:
    """For each container of modules, the indices at which it has a kernel."""
    found: dict[str, list[int]] = {}
    for name, array in state.items():
        if (match := pattern.fullmatch(name)) and array.ndim == axes:
            found.setdefault(match[1], []).append(int(match[2]))
    return found


class Pix2PixHd(CoarseToFineGenerator):
    """The coarse-to-fine generator of pix2pixHD (Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.1).

    Its networks are ``global``, then ``output`` or, with local enhancers, ``enhancer1``, ``enhancer2`` and so on.
    """

    name = "pix2pixhd"
    roles = ("coarse-to-fine",)
    uses = ("channels", "out_channels", "norm")
    checkpoint = Checkpoint(recognise, places, without_instance_statistics, assumptions, yields_to=("resnet",))

    width: int = Field(
        default=64, ge=1, description="filters at full resolution; each enhancer doubles those of the global network"
    )
    downs: int = Field(default=4, ge=1, description="downsampling steps of the global network")
    blocks: int = Field(default=9, ge=1, description="residual blocks of the global network, at its lowest resolution")
    enhancers: int = Field(
        default=0,
        ge=0,
        le=4,
        description="local enhancers, each of which doubles the resolution; 0: the global network alone",
    )
    local_blocks: int = Field(default=3, ge=0, description="residual blocks of each enhancer")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """Reflection padding needs 3 pixels at the global network's resolution, and 1 at its lowest."""
        multiple = int(2 ** (self.downs + self.enhancers))
        radius = None
        if spec.norm == "batch":
            radius = 6 + (3 + 2 * self.blocks) * 2**self.downs
            for _ in range(self.enhancers):
                radius = 2 * radius + 14 + 4 * self.local_blocks
        minimum = max(2 * multiple, 2 ** (self.enhancers + 2))
        return Geometry(1, multiple, radius, spec.channels, spec.out_channels, minimum)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.pix2pixhd.network import pix2pixhd_generator

        return pix2pixhd_generator(**self.arguments(spec))

    @staticmethod
    def image(networks: Mapping[str, Any], source: Any, training: bool = False) -> Any:
        from img2imgkit.architectures.pix2pixhd.network import pix2pixhd_image

        return pix2pixhd_image(networks, source, training)


class InstanceEncoder(Architecture):
    """The instance feature encoder of pix2pixHD (https://arxiv.org/abs/1711.11585, section 3.4).

    It reads a picture and a map of the objects' ids, and outputs a map that is constant over each object.
    """

    name = "instance-encoder"
    roles = ("instance-encoder",)
    uses = ("channels", "out_channels", "norm")
    makes_pictures = False
    checkpoint = Checkpoint(recognise_encoder, places_of_encoder, without_instance_statistics, norm_assumption)

    width: int = Field(default=16, ge=1, description="filters at full resolution")
    downs: int = Field(default=4, ge=1, description="downsampling steps")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """Reflection padding needs 3 pixels at full resolution; the mean over an object may span the picture."""
        multiple = int(2**self.downs)
        return Geometry(1, multiple, None, spec.channels, spec.written, minimum=max(4, multiple))

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.pix2pixhd.network import instance_encoder

        return instance_encoder(**self.arguments(spec))
