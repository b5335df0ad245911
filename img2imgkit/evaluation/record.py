"""Record scores in a bundle's manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from img2imgkit.bundle import MANIFEST, Manifest, Score, describe
from img2imgkit.errors import BundleError
from img2imgkit.evaluation.result import Evaluation
from img2imgkit.files import write_whole


def record(folder: Path, evaluation: Evaluation, choices: Mapping[str, Any] | None = None) -> Manifest:
    """Write the scores into a bundle's manifest, replacing older ones of the same set, protocol, metric and choices.

    Records the means over pictures and the scores of set metrics. The manifest is replaced atomically.

    Args:
        choices: the choices that the bundle was measured with, if they are not the task's defaults

    Raises:
        BundleError: the bundle cannot be read or written, or has another scale.
    """
    manifest = describe(folder)
    if manifest.contract.scale != evaluation.scale:
        raise BundleError(f"{folder}: has scale {manifest.contract.scale}; the scores are for scale {evaluation.scale}")
    fresh = _scores(evaluation, dict(choices or {}))
    replaced = [(score.set, score.protocol, score.metric, score.choices) for score in fresh]
    kept = tuple(s for s in manifest.scores if (s.set, s.protocol, s.metric, s.choices) not in replaced)
    manifest = manifest.model_copy(update={"scores": (*kept, *fresh)})
    try:
        write_whole(folder / MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    except OSError as error:
        raise BundleError(f"{folder}: cannot record the scores: {error.strerror}") from error
    return manifest


def _scores(evaluation: Evaluation, choices: dict[str, Any]) -> tuple[Score, ...]:
    name, protocol = evaluation.set, evaluation.protocol
    return tuple(
        Score(set=name, protocol=protocol, metric=metric, value=round(value, 5), choices=choices)
        for metric, value in {**evaluation.mean, **evaluation.whole_set}.items()
        if math.isfinite(value)
    )
