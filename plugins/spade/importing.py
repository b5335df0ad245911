"""Import plans for SPADE's official checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit_plugins.spade.options import Options, StyleOptions
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import Multiscale

# the official code's data sets by input channels: classes, whether there are unknown pixels, whether there are edges
OFFICIAL: Mapping[int, tuple[str, int, bool, bool]] = {
    36: ("Cityscapes", 35, False, True),
    184: ("COCO-Stuff", 182, True, True),
    151: ("ADE20K", 150, True, False),
    13: ("the facades", 13, False, False),
}


def import_plan(networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
    """The import plan for official networks, see ``Importable.import_plan``."""
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
    """Whether their channels fit: colour pictures, and critics with the same label maps as the generator."""
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
    """The task's options; None if it cannot build the networks, for example with 300 classes."""
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
    """What a generator's input channels are assumed to be."""
    default = ("maps with edges", max(1, channels - 1), False, channels > 1)
    whose, classes, unknown, edges = OFFICIAL.get(channels, default)
    parts = [
        f"{classes} classes",
        *(["1 for unknown pixels"] if unknown else []),
        *(["1 for edges"] if edges else []),
    ]
    text = (
        f"the generator's {channels} input channels are assumed to be those of {whose}: {', '.join(parts)}; "
        "other values of classes, unknown and edges must add up to the same number"
    )
    return {"classes": classes, "unknown": unknown, "edges": edges}, kit.Assumption("classes", classes, (), text)


def _style(generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None) -> StyleOptions | None:
    """Options of the style; the size is that of training pictures, as far as the file states it."""
    if generator.arguments.get("latent") is None:
        return None
    multiple = Options(upsampling=generator.arguments["upsampling"]).multiple
    height, width = generator.arguments["size"]
    own = {} if encoder is None else {"width": encoder.arguments["width"]}
    return StyleOptions(latent=generator.arguments["latent"], size=(height * multiple, width * multiple), **own)


def _missing(generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None) -> tuple[str, ...]:
    latent = generator.arguments.get("latent")
    if latent is None and encoder is not None:
        return (
            "a generator with a style code, trained with the official option use_vae; to import this one, leave "
            f"{encoder.source} out",
        )
    if latent is not None and encoder is None:
        return ("the style encoder of this generator, officially latest_net_E.pth",)
    if encoder is not None and encoder.arguments["latent"] != latent:
        own = encoder.arguments["latent"]
        return (f"a style encoder for codes of {latent} dimensions, as the generator's: {encoder.source} has {own}",)
    return ()


def _doublings(options: Options) -> tuple[kit.Assumption, ...]:
    upsampling = kit.Assumption(
        "upsampling", "normal", ("more",), "the generator has 5 upsampling steps; a file with 6 looks the same"
    )
    if options.style is None:
        return (upsampling,)
    height, width = options.style.size
    text = f"training pictures were {height} x {width} pixels; the file only states the area; twice that with 6 steps"
    return (upsampling, kit.Assumption("style.size", (height, width), ([2 * height, 2 * width],), text))
