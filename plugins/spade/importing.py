"""SPADE of networks from the official code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit_plugins.spade.options import Options, StyleOptions
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import Multiscale

# the official code's data sets by the channels of their maps: classes, whether there are pixels of none, and borders
OFFICIAL: Mapping[int, tuple[str, int, bool, bool]] = {
    36: ("Cityscapes", 35, False, True),
    184: ("COCO-Stuff", 182, True, True),
    151: ("ADE20K", 150, True, False),
    13: ("the facades", 13, False, False),
}


def import_plan(networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
    """How a bundle is made of them, see ``Importable.import_plan``."""
    found = kit.by_role(networks, "label-map-generator", "style-encoder", "feature-critic")
    if found is None or any(len(some) > 1 for some in found.values()):
        return None
    generator, encoder, critic = (networks[some[0]] if some else None for some in found.values())
    named = {"generator": generator, "encoder": encoder}
    roles = {role: kit.FromFile(networks.index(each)) for role, each in named.items() if each}
    if generator is None:
        missing = ("the generator, officially latest_net_G.pth",)
        return kit.ImportPlan({}, roles, missing=missing) if encoder else None
    if generator.kind != "spade":
        return None
    classes, assumption = _classes(generator.spec.channels)
    options = _options(generator, encoder, critic, classes) if _fit(generator, encoder, critic) else None
    if options is None:
        return None
    assumed = (assumption, *_doublings(options)) if options.upsampling == "normal" else (assumption,)
    plain = options.model_dump(mode="json")
    return kit.ImportPlan(plain, roles, missing=_missing(generator, encoder), assumptions=assumed)


def _fit(
    generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None, critic: kit.ImportedNetwork | None
) -> bool:
    """Whether they write and read pictures in colours, and the critics see what the generator does."""
    if generator.spec.written != 3 or (encoder and encoder.spec.channels != 3):
        return False
    if critic is None:
        return True
    seen = generator.spec.channels + 3
    return (critic.spec.channels, critic.arguments["use_bias"], critic.spec.norm) == (seen, False, "instance")


def _options(
    generator: kit.ImportedNetwork,
    encoder: kit.ImportedNetwork | None,
    critic: kit.ImportedNetwork | None,
    classes: Mapping[str, Any],
) -> Options | None:
    """None: no such networks are built here, such as of 300 classes."""
    given = generator.arguments
    stated = {"width": given["width"], "kernel": given["kernel_size"], "upsampling": given["upsampling"], **classes}
    stated |= {"norm": generator.spec.norm, "spectral": generator.spec.spectral}
    try:
        if critic is not None:
            sizes = {name: critic.arguments[name] for name in ("scales", "layers", "width")}
            stated |= {"critic": Multiscale(**sizes, use_bias=False, init="xavier")}
            stated |= {"adversary": Adversary(loss=Hinge(), spectral=critic.spec.spectral)}
        return Options(style=_style(generator, encoder), **stated)
    except ValidationError:
        return None


def _classes(channels: int) -> tuple[dict[str, Any], kit.Assumption]:
    """What the channels that a generator reads are taken to be."""
    usual = ("maps with borders", max(1, channels - 1), False, channels > 1)
    whose, classes, unknown, edges = OFFICIAL.get(channels, usual)
    parts = [
        f"{classes} classes",
        *(["1 for pixels of none"] if unknown else []),
        *(["1 for borders"] if edges else []),
    ]
    text = (
        f"the {channels} channels that the generator reads are taken to be those of {whose}: {', '.join(parts)}; "
        "other values of classes, unknown and edges must give as many channels"
    )
    return {"classes": classes, "unknown": unknown, "edges": edges}, kit.Assumption("classes", classes, (), text)


def _style(generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None) -> StyleOptions | None:
    """The size is that of the training, as far as the file tells; an encoder's width is its own."""
    if generator.arguments.get("latent") is None:
        return None
    multiple = Options(upsampling=generator.arguments["upsampling"]).multiple
    height, width = generator.arguments["size"]
    own = {} if encoder is None else {"width": encoder.arguments["width"]}
    return StyleOptions(latent=generator.arguments["latent"], size=(height * multiple, width * multiple), **own)


def _missing(generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None) -> tuple[str, ...]:
    latent = generator.arguments.get("latent")
    if latent is None and encoder is not None:
        return (f"a generator that reads a style, as --use_vae makes it: without one, leave {encoder.source} out",)
    if latent is not None and encoder is None:
        return ("the encoder of styles that belongs to this generator, officially latest_net_E.pth",)
    if encoder is not None and encoder.arguments["latent"] != latent:
        own = encoder.arguments["latent"]
        return (f"an encoder of styles of {latent} numbers, which the generator reads: {encoder.source} makes {own}",)
    return ()


def _doublings(options: Options) -> tuple[kit.Assumption, ...]:
    said = kit.Assumption(
        "upsampling", "normal", ("more",), "the generator doubles 5 times; 6 times leave the same file"
    )
    if options.style is None:
        return (said,)
    height, width = options.style.size
    text = (
        f"training pictures were {height} x {width} pixels, of which the file only states the area; twice that with 6"
    )
    return (said, kit.Assumption("style.size", (height, width), ([2 * height, 2 * width],), text))
