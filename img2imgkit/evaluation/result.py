"""What measuring gives: scores picture by picture, and everything that decides what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
        protocol: the name that scores are labelled with
        about: the protocol in one line
        metrics: the names of the scores, in their order
        border: how many pixels on each side do not count
        inputs: what the method started from
    """

    set: str
    scale: int
    protocol: str
    about: str
    metrics: tuple[str, ...]
    border: int
    inputs: str
    rows: tuple[Row, ...]

    @property
    def mean(self) -> dict[str, float]:
        """The mean over pictures, by metric."""
        return {name: sum(row.scores[name] for row in self.rows) / len(self.rows) for name in self.metrics}

    def plain(self) -> dict[str, Any]:
        """Plain JSON data; an infinite PSNR, of equal pictures, is null."""
        return {
            "set": self.set,
            "scale": self.scale,
            "protocol": self.protocol,
            "border": self.border,
            "inputs": self.inputs,
            "pictures": [{"name": row.name, **_finite(row.scores)} for row in self.rows],
            "mean": _finite(self.mean),
        }


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in scores.items()}
