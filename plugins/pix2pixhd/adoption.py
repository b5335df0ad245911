"""pix2pixHD of networks from the official code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from img2imgkit_plugins.pix2pixhd.options import (
    CriticPart,
    EncoderPart,
    GlobalPart,
    LabelOptions,
    LocalPart,
    PhotoOptions,
)
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary
from img2imgkit.exchange import by_use

WRITTEN = 3


def of_labels(networks: Sequence[kit.Foreign]) -> kit.Adoption | None:
    """How a bundle of the task of label maps is made of them, see ``Task.adopt``."""
    found = _sorted(networks)
    if found is None:
        return None
    generator, encoder, critic = found
    if generator is None:
        if encoder is None:
            return None  # critics alone
        taken = {"encoder": kit.Taken(networks.index(encoder))}
        return kit.Adoption({}, taken, lacking=("the generator, officially latest_net_G.pth",))
    reads = generator.arguments["channels"]
    features = encoder.arguments["features"] if encoder else 0
    judged = critic.arguments["channels"] - WRITTEN if critic else reads - features  # critics see no features
    lacking: tuple[str, ...] = ()
    if judged != reads - features:
        if encoder or judged >= reads:
            return None
        lacking = (f"the encoder of the {reads - judged} features that it reads, officially latest_net_E.pth",)
    roles, fresh = _roles(networks, generator), ()
    if encoder:
        roles, fresh = {**roles, "encoder": kit.Taken(networks.index(encoder))}, ("appearances",)
    options = _options(generator, encoder, critic, judged)
    if options is None:
        return None
    usual = reads not in (1, 3) or encoder is not None
    return kit.Adoption(options.model_dump(mode="json"), roles, fresh, usual, lacking, _notes(options, reads))


def of_pictures(networks: Sequence[kit.Foreign]) -> kit.Adoption | None:
    """The same of the task of pictures."""
    found = _sorted(networks)
    if found is None or found[0] is None or found[1] is not None:
        return None
    generator, _, critic = found
    channels = generator.arguments["channels"]
    if critic and critic.arguments["channels"] != channels + WRITTEN:
        return None
    try:
        options = PhotoOptions(channels=channels, **_shared(generator, critic))
    except ValidationError:  # such as label maps, of more channels
        return None
    return kit.Adoption(options.model_dump(mode="json"), _roles(networks, generator))


def _sorted(
    networks: Sequence[kit.Foreign],
) -> tuple[kit.Foreign | None, kit.Foreign | None, kit.Foreign | None] | None:
    """The generator, the encoder and the critics; None: that is not what they are, or they do not go together."""
    uses = {"generator": ("pix2pixhd_generator",), "encoder": ("instance_encoder",), "critic": ("multiscale_critic",)}
    found = by_use(networks, **uses)
    if found is None or any(len(some) > 1 for some in found.values()):
        return None
    generator, encoder, critic = (networks[some[0]] if some else None for some in found.values())
    if len({each.arguments["norm"] for each in (generator, encoder, critic) if each}) > 1:
        return None
    if generator and generator.arguments["out_channels"] != WRITTEN:
        return None
    if (encoder and encoder.arguments["channels"] != WRITTEN) or (critic and not critic.arguments["use_bias"]):
        return None
    return generator, encoder, critic


def _roles(networks: Sequence[kit.Foreign], generator: kit.Foreign) -> dict[str, kit.Taken]:
    enhancers = generator.arguments["enhancers"]
    names = [f"enhancer{number}" for number in range(1, enhancers + 1)] or ["output"]
    return {role: kit.Taken(networks.index(generator), role) for role in ("global", *names)}


def _shared(generator: kit.Foreign, critic: kit.Foreign | None) -> dict[str, Any]:
    """Options of both tasks. Raises ValidationError: no such networks are built here."""
    part = LocalPart if generator.arguments["enhancers"] else GlobalPart
    own = {name: generator.arguments[name] for name in part.model_fields if name in generator.arguments}
    shared: dict[str, Any] = {"generator": part(**own), "norm": generator.arguments["norm"]}
    if critic:
        sizes = {name: critic.arguments[name] for name in ("scales", "layers", "width")}
        shared |= {"critic": CriticPart(**sizes)}
        shared |= {"adversary": Adversary(loss="lsgan", spectral=critic.arguments["spectral"])}
    return shared


def _options(
    generator: kit.Foreign, encoder: kit.Foreign | None, critic: kit.Foreign | None, shown: int
) -> LabelOptions | None:
    """With borders where there is more than one channel, as officially. None: no such networks are built here."""
    edges = shown > 1
    own = {name: encoder.arguments[name] for name in ("features", "width", "downs")} if encoder else {}
    try:
        part = EncoderPart(**own) if encoder else None
        return LabelOptions(classes=shown - edges, edges=edges, encoder=part, **_shared(generator, critic))
    except ValidationError:  # such as 300 classes
        return None


def _notes(options: LabelOptions, reads: int) -> tuple[str, ...]:
    """What no file tells."""
    features = [f"{options.encoder.features} for features"] if options.encoder else []
    parts = [f"{options.classes} for classes", *(["1 for borders"] if options.edges else []), *features]
    notes = [
        f"the {reads} channels that the generator reads are taken for: {', '.join(parts)}; state otherwise, which must "
        "give as many: --set classes=... --set edges=false --set unknown=true"
    ]
    if options.encoder:
        notes.append(
            "the looks to choose from are in no network's file (officially features_clustered_010.npy): until a "
            "training that starts from this bundle has found them, each object has features of 0"
        )
    return tuple(notes)
