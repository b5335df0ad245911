"""Import plans for SPADE's official checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Hinge

# the official code's data sets by input channels: classes, whether there are unknown pixels, whether there are edges
OFFICIAL: Mapping[int, tuple[str, int, bool, bool]] = {
    36: ("Cityscapes", 35, False, True),
    184: ("COCO-Stuff", 182, True, True),
    151: ("ADE20K", 150, True, False),
    13: ("the facades", 13, False, False),
}


def import_plan(options: type[kit.Config], networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
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
    if not _fit(generator, encoder, critic):
        return None
    classes, assumption = _classes(generator.spec.channels)
    try:
        chosen = options(**classes, **_networks(generator, encoder, critic))
    except ValidationError:  # such as 300 classes
        return None
    others = generator.assumptions_at("generator", channels="classes", size="style.size")
    assumed = (assumption, *(each for each in others if each.option != "classes"))
    plain = chosen.model_dump(mode="json")
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
    return (critic.spec.channels, critic.arguments.get("use_bias"), critic.spec.norm) == (seen, False, "instance")


def _networks(
    generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None, critic: kit.ImportedNetwork | None
) -> dict[str, Any]:
    """The task's options that the networks determine."""
    spec = generator.spec
    stated: dict[str, Any] = {"generator": generator.architecture, "spectral": spec.spectral}
    stated |= {"norm": spec.norm} if spec.norm else {}
    if spec.code is not None:
        own = {"size": spec.size} if spec.size else {}
        stated["style"] = {"code": spec.code, **own, **({"encoder": encoder.architecture} if encoder else {})}
    if critic is not None:
        stated["critic"] = _initialized(critic.architecture)
        stated["adversary"] = Adversary(loss=Hinge(), spectral=critic.spec.spectral)
    return stated


def _initialized(critic: kit.Architecture) -> kit.Architecture:
    """The critics with the official initializer, which no file states."""
    return critic.model_copy(update={"init": "xavier"}) if "init" in type(critic).model_fields else critic


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


def _missing(generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None) -> tuple[str, ...]:
    code = generator.spec.code
    if code is None and encoder is not None:
        return (
            "a generator with a style code, trained with the official option use_vae; to import this one, leave "
            f"{encoder.source} out",
        )
    if code is not None and encoder is None:
        return ("the style encoder of this generator, officially latest_net_E.pth",)
    if encoder is not None and encoder.spec.code != code:
        own = encoder.spec.code
        return (f"a style encoder for codes of {code} dimensions, as the generator's: {encoder.source} has {own}",)
    return ()
