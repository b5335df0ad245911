"""FUNIT's generator, ``FewShotGen``: the three networks together and separately."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete, without_instance_statistics
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["AdainDecoder", "ClassEncoder", "ContentEncoder", "Funit"]

CONTENT, CLASS, DECODER, MLP = "enc_content.model", "enc_class_model.model", "dec.model", "mlp.model"


def recognise_content(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``content_encoder``."""
    first = state.get(f"{CONTENT}.0.conv.weight")
    if first is None or first.ndim != 4:
        return None
    options = {
        "downs": _count(state, rf"{re.escape(CONTENT)}\.(\d+)\.conv\.weight") - 1,
        "blocks": _count(state, rf"{re.escape(CONTENT)}\.\d+\.model\.(\d+)\.model\.0\.conv\.weight"),
        "width": first.shape[0],
        "channels": first.shape[1],
    }
    return if_complete(state, options, content_places)


def content_places(options: Arguments) -> Places:
    """Yield each module of the content encoder and its layer."""
    yield f"{CONTENT}.0.conv", "stem_conv"
    for number in range(options["downs"]):
        yield f"{CONTENT}.{number + 1}.conv", f"down{number}_conv"
    yield from _blocks(f"{CONTENT}.{options['downs'] + 1}", options["blocks"])


def recognise_class(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``class_encoder``."""
    first = state.get(f"{CLASS}.0.conv.weight")
    downs = _count(state, rf"{re.escape(CLASS)}\.(\d+)\.conv\.weight") - 1
    last = state.get(f"{CLASS}.{downs + 2}.weight")
    if first is None or last is None or first.ndim != 4:
        return None
    options = {"downs": downs, "width": first.shape[0], "code": last.shape[0], "channels": first.shape[1]}
    return if_complete(state, options, class_places)


def class_places(options: Arguments) -> Places:
    """Yield each module of the class encoder and its layer; the official code counts the pooling as a module."""
    yield f"{CLASS}.0.conv", "stem_conv"
    for number in range(options["downs"]):
        yield f"{CLASS}.{number + 1}.conv", f"down{number}_conv"
    yield f"{CLASS}.{options['downs'] + 2}", "last_conv"


def recognise_decoder(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``adain_decoder``."""
    first, mlp = state.get(f"{DECODER}.0.model.0.model.0.conv.weight"), state.get(f"{MLP}.0.fc.weight")
    ups = _count(state, rf"{re.escape(DECODER)}\.(\d+)\.conv\.weight") - 1
    last = state.get(f"{DECODER}.{2 * ups + 1}.conv.weight")
    if first is None or mlp is None or last is None or first.ndim != 4 or mlp.ndim != 2:
        return None
    options = {
        "scale": 2**ups,
        "blocks": _count(state, rf"{re.escape(DECODER)}\.0\.model\.(\d+)\.model\.0\.conv\.weight"),
        "channels": first.shape[1],
        "code": mlp.shape[1],
        "mlp_width": mlp.shape[0],
        "mlp_layers": _count(state, rf"{re.escape(MLP)}\.(\d+)\.fc\.weight"),
        "out_channels": last.shape[0],
    }
    return if_complete(state, options, decoder_places)


def decoder_places(options: Arguments) -> Places:
    """Yield each module of the decoder and its MLP, and its layer."""
    for number in range(options["mlp_layers"]):
        yield f"{MLP}.{number}.fc", f"mlp{number}"
    yield from _blocks(f"{DECODER}.0", options["blocks"])
    ups = options["scale"].bit_length() - 1
    for number in range(ups):
        yield f"{DECODER}.{2 * number + 2}.conv", f"up{number}_conv"
    yield f"{DECODER}.{2 * ups + 1}.conv", "last_conv"


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``few_shot_generator``."""
    content = recognise_content(_part(state, CONTENT))
    look = recognise_class(_part(state, CLASS))
    decoder = recognise_decoder(_part(state, DECODER, MLP))
    if content is None or look is None or decoder is None:
        return None
    options = {
        "content_downs": content["downs"],
        "class_downs": look["downs"],
        **{name: decoder[name] for name in ("blocks", "code", "mlp_width", "mlp_layers")},
        **{name: content[name] for name in ("width", "channels")},
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module of the three networks and its layer inside the model."""
    content = {"downs": options["content_downs"], "blocks": options["blocks"]}
    parts = {
        "content_encoder": content_places(content),
        "class_encoder": class_places({"downs": options["class_downs"]}),
        "adain_decoder": decoder_places({**options, "scale": 2 ** options["content_downs"]}),
    }
    for network, found in parts.items():
        for module, layer in found:
            yield module, f"{network}/{layer}"


def _blocks(module: str, blocks: int) -> Places:
    for number in range(blocks):
        for inside in range(2):
            yield f"{module}.model.{number}.model.{inside}.conv", f"block{number}_{inside}_conv"


def _part(state: State, *prefixes: str) -> State:
    return {name: array for name, array in state.items() if name.startswith(prefixes)}


def _count(state: State, pattern: str) -> int:
    return len({match[1] for name in state if (match := re.fullmatch(pattern, name))})


def _no_code(spec: NetworkSpec) -> str:
    return "" if spec.code else "code: the length of the class code is needed"


class Funit(Architecture):
    """FUNIT's generator (Liu et al. 2019, https://arxiv.org/abs/1905.01723): three networks in one.

    The networks are layers of the model: ``content_encoder``, ``class_encoder``, ``adain_decoder``.
    """

    name = "funit"
    roles = ("few-shot-generator",)
    uses = ("channels", "code")
    checkpoint = Checkpoint(recognise, places, without_instance_statistics)

    content_downs: int = Field(default=3, ge=1, description="downsampling steps of the content encoder")
    class_downs: int = Field(default=4, ge=2, description="downsampling steps of the class encoder")
    blocks: int = Field(default=2, ge=1, description="residual blocks of the content encoder and of the decoder")
    width: int = Field(default=64, ge=1, description="filters of the encoders' first layers")
    mlp_width: int = Field(default=256, ge=1, description="units of the MLP that reads the class code")
    mlp_layers: int = Field(default=3, ge=2, description="layers of the MLP")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        multiple = 2**self.content_downs
        return Geometry(1, multiple, None, spec.channels, minimum=2 * multiple)

    def problem(self, spec: NetworkSpec) -> str:
        return _no_code(spec)

    def subnetworks(self) -> Mapping[str, Architecture]:
        mlp = {"mlp_width": self.mlp_width, "mlp_layers": self.mlp_layers}
        return {
            "content_encoder": ContentEncoder(downs=self.content_downs, blocks=self.blocks, width=self.width),
            "class_encoder": ClassEncoder(downs=self.class_downs, width=self.width),
            "adain_decoder": AdainDecoder(blocks=self.blocks, **mlp),
        }

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.funit.network import few_shot_generator

        return few_shot_generator(**self.arguments(spec))


class ContentEncoder(Architecture):
    """The content encoder of FUNIT (https://arxiv.org/abs/1905.01723).

    The geometry of a content encoder describes the content code: it has ``written`` channels, and its height and width
    are the picture's divided by ``multiple``.
    """

    name = "content-encoder"
    roles = ("content-encoder",)
    makes_pictures = False
    checkpoint = Checkpoint(recognise_content, content_places)

    downs: int = Field(default=3, ge=1, description="downsampling steps")
    blocks: int = Field(default=2, ge=1, description="residual blocks")
    width: int = Field(default=64, ge=1, description="filters of the first layer; each downsampling step doubles them")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        multiple = 2**self.downs
        return Geometry(1, multiple, None, spec.channels, self.width * multiple, minimum=2 * multiple)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.funit.network import content_encoder

        return content_encoder(**self.arguments(spec))


class ClassEncoder(Architecture):
    """The class encoder of FUNIT (https://arxiv.org/abs/1905.01723)."""

    name = "class-encoder"
    roles = ("class-encoder",)
    uses = ("channels", "code")
    makes_pictures = False
    checkpoint = Checkpoint(recognise_class, class_places)

    downs: int = Field(default=4, ge=2, description="downsampling steps")
    width: int = Field(default=64, ge=1, description="filters of the first layer")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=None, channels=spec.channels, minimum=max(4, 2**self.downs))

    def problem(self, spec: NetworkSpec) -> str:
        return _no_code(spec)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.funit.network import class_encoder

        return class_encoder(**self.arguments(spec))


class AdainDecoder(Architecture):
    """The decoder of FUNIT (https://arxiv.org/abs/1905.01723), modulated by the class code (AdaIN).

    Its input channels are those of the content code, and its scale is the factor between content code and picture.
    """

    name = "adain-decoder"
    roles = ("content-decoder",)
    uses = ("channels", "out_channels", "scale", "code")
    checkpoint = Checkpoint(recognise_decoder, decoder_places, without_instance_statistics)

    blocks: int = Field(default=2, ge=1, description="residual blocks")
    mlp_width: int = Field(default=256, ge=1, description="units of the MLP that reads the class code")
    mlp_layers: int = Field(default=3, ge=2, description="layers of the MLP")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        least = 4 if spec.scale == 1 else 2  # the last layer pads by 3
        return Geometry(spec.scale, 1, None, spec.channels, spec.out_channels, minimum=least)

    def problem(self, spec: NetworkSpec) -> str:
        if spec.scale & (spec.scale - 1):
            return f"scale {spec.scale}: expected a power of 2, since each upsampling step doubles the size"
        if spec.channels < spec.scale:
            return f"{spec.channels} channels are too few: they are halved until the scale is {spec.scale}"
        return _no_code(spec)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.funit.network import adain_decoder

        return adain_decoder(**self.arguments(spec))
