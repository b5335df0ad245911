"""The result of an evaluation, and recording it in a bundle's manifest."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from img2imgkit.bundle import MANIFEST, Manifest, describe
from img2imgkit.errors import BundleError, DataError
from img2imgkit.evaluation.confidence import LEVEL, SEED, Interval, interval_of_mean
from img2imgkit.evaluation.scoring import Scoring, Tally
from img2imgkit.files import write_whole
from img2imgkit.model_entry import Score

Watch = Callable[[Iterator["Row"]], Iterator["Row"]]


@dataclass(frozen=True)
class Row:
    """The scores of one picture, by metric."""

    name: str
    scores: Mapping[str, float]


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The scores of one method on one set.

    Attributes:
        set: the set's name
        scale: results are ``scale`` times as high and wide as inputs
        scoring: the metrics and their protocol
        inputs: the origin of the method's inputs
        rows: the scores of each picture
        whole_set: the scores of all pictures together, by set metric
        intervals: the confidence interval of each mean and of each score of the whole set, if the scoring asks for them
    """

    set: str
    scale: int
    scoring: Scoring
    inputs: str
    rows: tuple[Row, ...]
    whole_set: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """The protocol's label, stored with the scores."""
        return self.scoring.protocol.label

    @property
    def border(self) -> int:
        """Pixels on each side that are not scored."""
        return self.scoring.protocol.border(self.scale)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in order."""
        return tuple(metric.name for metric in self.scoring.metrics)

    @property
    def mean(self) -> dict[str, float]:
        """The mean over pictures, by pair metric."""
        names = [metric.name for metric in self.scoring.metrics if metric.of == "pair"]
        return {name: sum(row.scores[name] for row in self.rows) / len(self.rows) for name in names}

    @property
    def lines(self) -> tuple[Row, ...]:
        """The scores of each picture, then their mean and the scores of the whole set, as far as there are any."""
        together = (Row("mean", self.mean), Row("whole set", self.whole_set))
        return (*self.rows, *(row for row in together if row.scores))

    def __repr__(self) -> str:
        scores = {**self.mean, **self.whole_set}
        shown = ", ".join(metric.shown(scores[metric.name]) for metric in self.scoring.metrics)
        return f"<evaluation on {self.set}: {shown}; {len(self.rows)} pictures, protocol {self.protocol}>"

    def _repr_html_(self) -> str:
        """A table, which notebooks show."""
        heads = "".join(f"<th>{html.escape(metric.title())}</th>" for metric in self.scoring.metrics)
        body = "".join(f"<tr><td>{html.escape(row.name)}</td>{self._cells(row)}</tr>" for row in self.lines)
        return f"<table><tr><th>{html.escape(self.set)}</th>{heads}</tr>{body}</table>"

    def _cells(self, row: Row) -> str:
        shown = (f"{row.scores[m.name]:.{m.digits}f}" if m.name in row.scores else "" for m in self.scoring.metrics)
        return "".join(f"<td>{text}</td>" for text in shown)

    def plain(self) -> dict[str, Any]:
        """Plain JSON data. An infinite PSNR, of equal pictures, becomes null.

        ``whole_set``, ``weights`` with the digests of the metrics' files, and ``confidence`` are omitted if they are
        empty.
        """
        return {
            "set": self.set,
            "scale": self.scale,
            "protocol": self.protocol,
            "border": self.border,
            "inputs": self.inputs,
            "pictures": [{"name": row.name, **_finite(row.scores)} for row in self.rows],
            "mean": _finite(self.mean),
            **({"whole_set": _finite(self.whole_set)} if self.whole_set else {}),
            **({"weights": dict(self.scoring.digests)} if self.scoring.digests else {}),
            **({"confidence": self._confidence()} if self.intervals else {}),
        }

    def _confidence(self) -> dict[str, Any]:
        bounds = {name: _finite({"low": each.low, "high": each.high}) for name, each in self.intervals.items()}
        return {"level": LEVEL, "seed": SEED, "intervals": bounds}


def evaluated(name: str, scale: int, scoring: Scoring, inputs: str, rows: tuple[Row, ...], tally: Tally) -> Evaluation:
    """Complete the evaluation of a set after every picture was added to the tally.

    Raises:
        DataError: the set is too small for a set metric, or for confidence intervals.
    """
    try:
        found = Evaluation(name, scale, scoring, inputs, rows, tally.whole_set())
        if not scoring.confidence:
            return found
        means = {metric: interval_of_mean([row.scores[metric] for row in rows]) for metric in found.mean}
        return replace(found, intervals={**means, **tally.intervals(found.whole_set)})
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}


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
