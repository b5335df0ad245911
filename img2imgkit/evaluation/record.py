"""Scores kept where they belong: in the bundle that earned them."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from img2imgkit.bundle import MANIFEST, Manifest, Score, describe
from img2imgkit.errors import BundleError
from img2imgkit.evaluation.score import Evaluation


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
    _write(folder / MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    return manifest


def _scores(evaluation: Evaluation) -> tuple[Score, ...]:
    return tuple(
        Score(set=evaluation.reference.name, protocol=evaluation.protocol.name, metric=metric, value=round(value, 5))
        for metric, value in evaluation.mean.items()
        if math.isfinite(value)
    )


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot record the scores: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)
