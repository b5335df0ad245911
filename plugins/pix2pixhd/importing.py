"""Import plans for pix2pixHD's official checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from img2imgkit_plugins.pix2pixhd.options import EncoderOptions, LabelOptions, PhotoOptions
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Lsgan

WRITTEN = 3


def of_labels(networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
    """The import plan for the task of label maps, see ``Importable.import_plan``."""
    found = _sorted(networks)
    if found is None:
        return None
    generator, encoder, critic = found
    if generator is None:
        if encoder is None:
            return None  # only critics
        roles = {"encoder": kit.FromFile(networks.index(encoder))}
        return kit.ImportPlan({}, roles, missing=("the generator, officially latest_net_G.pth",))
    reads = generator.spec.channels
    features = encoder.arguments["features"] if encoder else 0
    judged = critic.spec.channels - WRITTEN if critic else reads - features  # critics do not see the features
    missing: tuple[str, ...] = ()
    if judged != reads - features:
        if encoder or judged >= reads:
            return None
        missing = (f"the encoder of the generator's {reads - judged} input features, officially latest_net_E.pth",)
    roles, fresh = _roles(networks, generator), ()
    if encoder:
        roles, fresh = {**roles, "encoder": kit.FromFile(networks.index(encoder))}, ("appearances",)
    options = _options(generator, encoder, critic, judged)
    if options is None:
        return None
    usual = reads not in (1, 3) or encoder is not None
    return kit.ImportPlan(options.model_dump(mode="json"), roles, fresh, usual, missing, _assumed(options, reads))


def of_pictures(networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
    """The import plan for the task of pictures."""
    found = _sorted(networks)
    if found is None or found[0] is None or found[1] is not None:
        return None
    generator, _, critic = found
    channels = generator.spec.channels
    if critic and critic.spec.channels != channels + WRITTEN:
        return None
    try:
        options = PhotoOptions(channels=channels, **_shared(generator, critic))
    except ValidationError:  # such as label maps, with more channels
        return None
    return kit.ImportPlan(options.model_dump(mode="json"), _roles(networks, generator))


def _sorted(
    networks: Sequence[kit.ImportedNetwork],
) -> tuple[kit.ImportedNetwork | None, kit.ImportedNetwork | None, kit.ImportedNetwork | None] | None:
    """The generator, the encoder and the critics; None if there are other networks or they do not fit together."""
    found = kit.by_role(networks, "coarse-to-fine", "instance-encoder", "feature-critic")
    if found is None or any(len(some) > 1 for some in found.values()):
        return None
    generator, encoder, critic = (networks[some[0]] if some else None for some in found.values())
    if len({each.spec.norm for each in (generator, encoder, critic) if each}) > 1:
        return None
    if generator and generator.spec.written != WRITTEN:
        return None
    if (encoder and encoder.spec.channels != WRITTEN) or (critic and not critic.arguments["use_bias"]):
        return None
    return generator, encoder, critic


def _roles(networks: Sequence[kit.ImportedNetwork], generator: kit.ImportedNetwork) -> dict[str, kit.FromFile]:
    enhancers = generator.arguments["enhancers"]
    names = [f"enhancer{number}" for number in range(1, enhancers + 1)] or ["output"]
    return {role: kit.FromFile(networks.index(generator), role) for role in ("global", *names)}


def _shared(generator: kit.ImportedNetwork, critic: kit.ImportedNetwork | None) -> dict[str, Any]:
    """Options that both tasks have."""
    shared: dict[str, Any] = {"generator": generator.architecture, "norm": generator.spec.norm}
    if critic:
        adversary = Adversary(loss=Lsgan(), spectral=critic.spec.spectral)
        shared |= {"critic": critic.architecture, "adversary": adversary}
    return shared


def _options(
    generator: kit.ImportedNetwork, encoder: kit.ImportedNetwork | None, critic: kit.ImportedNetwork | None, shown: int
) -> LabelOptions | None:
    """With an edge map if there is more than one channel, as officially. None if the task cannot build the networks."""
    edges = shown > 1
    own = {name: encoder.arguments[name] for name in ("features", "width", "downs")} if encoder else {}
    try:
        part = EncoderOptions(**own) if encoder else None
        return LabelOptions(classes=shown - edges, edges=edges, encoder=part, **_shared(generator, critic))
    except ValidationError:  # such as 300 classes
        return None


def _assumed(options: LabelOptions, reads: int) -> tuple[kit.Assumption, ...]:
    """What checkpoint files do not state."""
    features = [f"{options.encoder.features} for features"] if options.encoder else []
    parts = [f"{options.classes} for classes", *(["1 for edges"] if options.edges else []), *features]
    text = (
        f"the generator's {reads} input channels are assumed to be {', '.join(parts)}; other values of classes, edges "
        "and unknown must add up to the same number"
    )
    found = [kit.Assumption("classes", options.classes, (), text)]
    if options.encoder:
        appearances = (
            "the appearances to choose from are in none of the files (officially features_clustered_010.npy); until a "
            "training that starts from this bundle computes them, the features of every object are 0"
        )
        found.append(kit.Assumption("", None, (), appearances))
    return tuple(found)
