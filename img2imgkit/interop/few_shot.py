"""FUNIT's generator, ``FewShotGen``: the three networks together, and each by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from img2imgkit.interop.state import Family, State, modules, without_instance_statistics

CONTENT, CLASS, DECODER, MLP = "enc_content.model", "enc_class_model.model", "dec.model", "mlp.model"
Options = Mapping[str, Any]
Places = Iterator[tuple[str, str]]


def recognise_content(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.content_encoder``."""
    first = state.get(f"{CONTENT}.0.conv.weight")
    if first is None or first.ndim != 4:
        return None
    options = {
        "downs": _count(state, rf"{re.escape(CONTENT)}\.(\d+)\.conv\.weight") - 1,
        "blocks": _count(state, rf"{re.escape(CONTENT)}\.\d+\.model\.(\d+)\.model\.0\.conv\.weight"),
        "width": first.shape[0],
        "channels": first.shape[1],
    }
    return _if_complete(state, options, content_places)


def content_places(options: Options) -> Places:
    """The modules of the content encoder and their layers."""
    yield f"{CONTENT}.0.conv", "stem_conv"
    for number in range(options["downs"]):
        yield f"{CONTENT}.{number + 1}.conv", f"down{number}_conv"
    yield from _blocks(f"{CONTENT}.{options['downs'] + 1}", options["blocks"])


def recognise_class(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.class_encoder``."""
    first = state.get(f"{CLASS}.0.conv.weight")
    downs = _count(state, rf"{re.escape(CLASS)}\.(\d+)\.conv\.weight") - 1
    last = state.get(f"{CLASS}.{downs + 2}.weight")
    if first is None or last is None or first.ndim != 4:
        return None
    options = {"downs": downs, "width": first.shape[0], "code": last.shape[0], "channels": first.shape[1]}
    return _if_complete(state, options, class_places)


def class_places(options: Options) -> Places:
    """The modules of the class encoder and their layers; the mean over places is a module, too."""
    yield f"{CLASS}.0.conv", "stem_conv"
    for number in range(options["downs"]):
        yield f"{CLASS}.{number + 1}.conv", f"down{number}_conv"
    yield f"{CLASS}.{options['downs'] + 2}", "last_conv"


def recognise_decoder(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.adain_decoder``."""
    first, told = state.get(f"{DECODER}.0.model.0.model.0.conv.weight"), state.get(f"{MLP}.0.fc.weight")
    ups = _count(state, rf"{re.escape(DECODER)}\.(\d+)\.conv\.weight") - 1
    last = state.get(f"{DECODER}.{2 * ups + 1}.conv.weight")
    if first is None or told is None or last is None or first.ndim != 4 or told.ndim != 2:
        return None
    options = {
        "ups": ups,
        "blocks": _count(state, rf"{re.escape(DECODER)}\.0\.model\.(\d+)\.model\.0\.conv\.weight"),
        "width": first.shape[1],
        "code": told.shape[1],
        "mlp_width": told.shape[0],
        "mlp_layers": _count(state, rf"{re.escape(MLP)}\.(\d+)\.fc\.weight"),
        "channels": last.shape[0],
    }
    return _if_complete(state, options, decoder_places)


def decoder_places(options: Options) -> Places:
    """The modules of the decoder and its perceptron, and their layers."""
    for number in range(options["mlp_layers"]):
        yield f"{MLP}.{number}.fc", f"mlp{number}"
    yield from _blocks(f"{DECODER}.0", options["blocks"])
    for number in range(options["ups"]):
        yield f"{DECODER}.{2 * number + 2}.conv", f"up{number}_conv"
    yield f"{DECODER}.{2 * options['ups'] + 1}.conv", "last_conv"


def recognise(state: State) -> dict[str, Any] | None:
    """Arguments of ``img2imgkit.nn.few_shot_generator``."""
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
    return _if_complete(state, options, places)


def places(options: Options) -> Places:
    """The modules of all three and their layers inside of the model's."""
    content = {"downs": options["content_downs"], "blocks": options["blocks"]}
    parts = {
        "content_encoder": content_places(content),
        "class_encoder": class_places({"downs": options["class_downs"]}),
        "adain_decoder": decoder_places({**options, "ups": options["content_downs"]}),
    }
    for network, found in parts.items():
        for module, layer in found:
            yield module, f"{network}/{layer}"


def assumed(arguments: Options) -> dict[str, str]:
    """What a file cannot tell."""
    del arguments
    return {"norm": "instance for contents, none for classes, adaptive for the result, as officially"}


def _blocks(module: str, blocks: int) -> Places:
    for number in range(blocks):
        for inside in range(2):
            yield f"{module}.model.{number}.model.{inside}.conv", f"block{number}_{inside}_conv"


def _part(state: State, *prefixes: str) -> State:
    return {name: array for name, array in state.items() if name.startswith(prefixes)}


def _count(state: State, pattern: str) -> int:
    return len({match[1] for name in state if (match := re.fullmatch(pattern, name))})


def _if_complete(state: State, options: dict[str, Any], places: Any) -> dict[str, Any] | None:
    return options if modules(state) == {module for module, _ in places(options)} else None


CONTENT_ENCODER = Family("content_encoder", recognise_content, content_places)
CLASS_ENCODER = Family("class_encoder", recognise_class, class_places)
ADAIN_DECODER = Family("adain_decoder", recognise_decoder, decoder_places, clean=without_instance_statistics)
FEW_SHOT_GENERATOR = Family("few_shot_generator", recognise, places, without_instance_statistics, assumed)
