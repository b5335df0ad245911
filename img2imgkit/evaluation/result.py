"""What measuring gives: scores picture by picture, and everything that decides what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from img2imgkit.errors import DataError
from img2imgkit.evaluation.scoring import Scoring, Tally

Watch = Callable[[Iterator["Row"]], Iterator["Row"]]


@dataclass(frozen=True)
class Row:
    """One picture's scores, by metric."""

    name: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """All rows of one method on one set.

    Attributes:
        set: the set's name
        scale: how many times as high and wide the results are
        scoring: the metrics, and the protocol that they measured under
        inputs: what the method started from
        rows: the scores of each picture
        whole_set: the scores of all pictures together, by metric of sets
    """

    set: str
    scale: int
    scoring: Scoring
    inputs: str
    rows: tuple[Row, ...]
    whole_set: Mapping[str, float]

    @property
    def protocol(self) -> str:
        """The name that scores are labelled with."""
        return self.scoring.protocol.label

    @property
    def border(self) -> int:
        """How many pixels on each side do not count."""
        return self.scoring.protocol.border(self.scale)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all scores, in their order."""
        return tuple(metric.name for metric in self.scoring.metrics)

    @property
    def mean(self) -> dict[str, float]:
        """The mean over pictures, by metric of pairs."""
        names = [metric.name for metric in self.scoring.metrics if metric.of == "pair"]
        return {name: sum(row.scores[name] for row in self.rows) / len(self.rows) for name in names}

    def plain(self) -> dict[str, Any]:
        """Plain JSON data; an infinite PSNR, of equal pictures, is null. ``whole_set`` only where it was measured."""
        return {
            "set": self.set,
            "scale": self.scale,
            "protocol": self.protocol,
            "border": self.border,
            "inputs": self.inputs,
            "pictures": [{"name": row.name, **_finite(row.scores)} for row in self.rows],
            "mean": _finite(self.mean),
            **({"whole_set": _finite(self.whole_set)} if self.whole_set else {}),
        }


def evaluated(name: str, scale: int, scoring: Scoring, inputs: str, rows: tuple[Row, ...], tally: Tally) -> Evaluation:
    """The evaluation of a set of which every picture has been added to the tally.

    Raises:
        DataError: the set is too small for a metric of sets.
    """
    try:
        return Evaluation(name, scale, scoring, inputs, rows, tally.whole_set())
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}
