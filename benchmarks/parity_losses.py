"""The losses of the official pix2pix, CycleGAN and CUT, on inputs of the tests. Differences are relative to the
official value. The tests compare the losses of the other methods in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import official_losses as official

from img2imgkit.losses import gradient_penalty, interpolate, lsgan, patch_nce, vanilla, wasserstein

COLUMNS = ("official function", "here", "official value", "difference")
SCORED: dict[str, Callable[..., Any]] = {
    **{"vanilla": vanilla, "nonsaturating": vanilla, "lsgan": lsgan, "wgangp": wasserstein},
}


def rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield one row per official call."""
    del folder  # these fixtures are always those of the tests
    for name in (*official.names("junyanz"), *official.names("CUT")):
        given = official.entry(name)
        here, ours, value = _computed(name, given)
        theirs = _mean(value)
        yield f"`{name}`", f"`{here}`", f"{theirs:.6f}", f"{abs(ours - theirs) / abs(theirs):.1e}"


def _computed(name: str, given: official.Entry) -> tuple[str, float, Any]:
    if "GANLoss" in name:
        pays = SCORED[given.args["gan_mode"]]
        smoothing = 1 - given.args.get("target_real_label", 1.0)
        label = {"smoothing": smoothing} if smoothing else {}
        return pays.__name__, _mean(pays(given.inputs["pred"], given.args["target_is_real"], **label)), given.value
    if "gradient_penalty" in name:
        images = {key: given.inputs[given.args[key]] for key in ("real", "fake")}
        x = {**images, "mixed": interpolate(**images, mix=given.inputs["alpha"].reshape(-1))}[given.args["type"]]
        terms = gradient_penalty(official.critic("junyanz_critic"), x, given.args["constant"], epsilon=1e-16)
        return "gradient_penalty", given.args["lambda_gp"] * _mean(terms), given.expected["penalty"]
    images = 1 if given.args["nce_includes_all_negatives_from_minibatch"] else given.args["batch_size"]
    query, key = (given.inputs[each].reshape(images, -1, 12) for each in ("feat_q", "feat_k"))
    return "patch_nce", _mean(patch_nce(query, key, given.args["nce_T"])), given.expected["mean"]


def _mean(terms: Any) -> float:
    return float(np.mean(np.asarray(terms)))
