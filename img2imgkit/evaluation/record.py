"""Scores kept where they belong: in the bundle that earned them."""

from __future__ import annotations

import json
import math
from pathlib import Path

from img2imgkit.bundle import MANIFEST, Manifest, Score, describe
from img2imgkit.errors import BundleError
from img2imgkit.evaluation.score import Evaluation
from img2imgkit.files import write_whole


def record(folder: Path, evaluation: Evaluation) -> Manifest:
    """Put the means into a bundle's description, in place of older ones of the same set, protocol and metric.

    The description is whole at every moment: it is written beside the old one and renamed.

    Raises:
        BundleError: the bundle cannot be read or written, or belongs to another scale.
    """
    manifest = describe(folder)
    if manifest.contract.scale != evaluation.reference.scale:
        raise BundleError(
            f"{folder}: enlarges {manifest.contract.scale} times, the scores are of {evaluation.reference.scale}"
        )
    fresh = _scores(evaluation)
    replaced = {(score.set, score.protocol, score.metric) for score in fresh}
    kept = tuple(s for s in manifest.scores if (s.set, s.protocol, s.metric) not in replaced)
    manifest = manifest.model_copy(update={"scores": (*kept, *fresh)})
    try:
        write_whole(folder / MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    except OSError as error:
        raise BundleError(f"{folder}: cannot record the scores: {error.strerror}") from error
    return manifest


def _scores(evaluation: Evaluation) -> tuple[Score, ...]:
    return tuple(
        Score(set=evaluation.reference.name, protocol=evaluation.protocol.name, metric=metric, value=round(value, 5))
        for metric, value in evaluation.mean.items()
        if math.isfinite(value)
    )
