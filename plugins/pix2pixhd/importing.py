"""Import plans for pix2pixHD's official checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from img2imgkit_plugins.pix2pixhd.coarse_to_fine import WRITTEN, parts_of
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary, Lsgan


def of_labels(options: type[kit.Config], networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
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
    features = encoder.spec.written if encoder else 0
    judged = critic.spec.channels - WRITTEN if critic else reads - features  # critics do not see the features
    missing: tuple[str, ...] = ()
    if judged != reads - features:
        if encoder or judged >= reads:
            return None
        missing = (f"the encoder of the generator's {reads - judged} input features, officially latest_net_E.pth",)
    roles, fresh = _roles(networks, generator), ()
    if encoder:
        roles, fresh = {**roles, "encoder": kit.FromFile(networks.index(encoder))}, ("appearances",)
    maps: dict[str, Any] = {
        "classes": judged - (judged > 1),
        "edges": judged > 1,
    }  # with an edge map if possible, as officially
    own = {"encoder": {"features": features, "network": encoder.architecture}} if encoder else {}
    try:
        chosen = options(**maps, **own, **_shared(generator, critic))
    except ValidationError:  # such as 300 classes
        return None
    usual = reads not in (1, 3) or encoder is not None
    return kit.ImportPlan(
        chosen.model_dump(mode="json"), roles, fresh, usual, missing, _assumed(reads, features=features, **maps)
    )


def of_pictures(options: type[kit.Config], networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
    """The import plan for the task of pictures."""
    found = _sorted(networks)
    if found is None or found[0] is None or found[1] is not None:
        return None
    generator, _, critic = found
    channels = generator.spec.channels
    if critic and critic.spec.channels != channels + WRITTEN:
        return None
    try:
        chosen = options(channels=channels, **_shared(generator, critic))
    except ValidationError:  # such as label maps, with more channels
        return None
    return kit.ImportPlan(chosen.model_dump(mode="json"), _roles(networks, generator))


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
    if (encoder and encoder.spec.channels != WRITTEN) or (critic and not critic.arguments.get("use_bias", True)):
        return None
    return generator, encoder, critic


def _roles(networks: Sequence[kit.ImportedNetwork], generator: kit.ImportedNetwork) -> dict[str, kit.FromFile]:
    number, parts = networks.index(generator), parts_of(generator.model)
    return {role: kit.FromFile(number, "" if part is generator.model else role) for role, part in parts.items()}


def _shared(generator: kit.ImportedNetwork, critic: kit.ImportedNetwork | None) -> dict[str, Any]:
    """Options that both tasks have."""
    shared: dict[str, Any] = {"generator": generator.architecture}
    shared |= {"norm": generator.spec.norm} if generator.spec.norm else {}
    if critic:
        adversary = Adversary(loss=Lsgan(), spectral=critic.spec.spectral)
        shared |= {"critic": critic.architecture, "adversary": adversary}
    return shared


def _assumed(reads: int, classes: int, edges: bool, features: int) -> tuple[kit.Assumption, ...]:
    """What checkpoint files do not state."""
    parts = [f"{classes} for classes", *(["1 for edges"] if edges else [])]
    parts += [f"{features} for features"] if features else []
    text = (
        f"the generator's {reads} input channels are assumed to be {', '.join(parts)}; other values of classes, edges "
        "and unknown must add up to the same number"
    )
    found = [kit.Assumption("classes", classes, (), text)]
    if features:
        appearances = (
            "the appearances to choose from are in none of the files (officially features_clustered_010.npy); until a "
            "training that starts from this bundle computes them, the features of every object are 0"
        )
        found.append(kit.Assumption("", None, (), appearances))
    return tuple(found)
