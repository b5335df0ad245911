"""The result of an evaluation: scores per picture, and the conditions under which they were measured."""

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
    """The scores of one picture, by metric."""

    name: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """The scores of one method on one set.

    Attributes:
        set: the set's name
        scale: results are ``scale`` times as high and wide as inputs
        scoring: the metrics and their protocol
        inputs: the origin of the method's inputs
        rows: the scores of each picture
        whole_set: the scores of all pictures together, by set metric
    """

    set: str
    scale: int
    scoring: Scoring
    inputs: str
    rows: tuple[Row, ...]
    whole_set: Mapping[str, float]

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

    def plain(self) -> dict[str, Any]:
        """Plain JSON data. An infinite PSNR, of equal pictures, becomes null; an empty ``whole_set`` is omitted."""
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
    """Complete the evaluation of a set after every picture was added to the tally.

    Raises:
        DataError: the set is too small for a set metric.
    """
    try:
        return Evaluation(name, scale, scoring, inputs, rows, tally.whole_set())
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}
