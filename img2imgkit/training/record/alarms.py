"""Detects failing trainings from the records of their log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from img2imgkit.training.plan.training_options import Alarms

INTERVALS = 3  # consecutive log intervals before the critics count as dead
EVALUATIONS = 2  # consecutive evaluations of the probe before a collapse is reported; the first may be too early


@dataclass(frozen=True)
class Alarm:
    """What is going wrong, and what to try."""

    name: Literal["collapse", "dead_critic"]
    text: str


class AlarmMonitor:
    """Checks the records of a run, in order, and raises an alarm once a symptom has persisted; once, until it ends.

    Its state depends on the records alone, so a resumed run replays those that it kept.
    """

    def __init__(self, options: Alarms) -> None:
        self._options = options
        self._count = {"collapse": 0, "dead_critic": 0}

    def check(self, record: Mapping[str, Any]) -> Alarm | None:
        """Return an alarm if a symptom has persisted long enough with this record."""
        if "variety" in record:
            symptom = self._collapse(record)
            return Alarm("collapse", symptom) if self._persists("collapse", symptom, EVALUATIONS) else None
        if "critics" in record.get("gradients", {}):
            symptom = self._dead_critic(record)
            return Alarm("dead_critic", symptom) if self._persists("dead_critic", symptom, INTERVALS) else None
        return None

    def _persists(self, name: str, symptom: str, patience: int) -> bool:
        self._count[name] = self._count[name] + 1 if symptom else 0
        return self._count[name] == patience

    def _collapse(self, record: Mapping[str, Any]) -> str:
        variety = record["variety"]
        if record["flat"]:
            symptom = "every output of the probe is a single flat colour"
        elif variety is not None and variety < self._options.collapse:
            symptom = f"the outputs of the probe have only {variety:.2%} of the expected variety"
        else:
            return ""
        return (
            f"{symptom}: the generators have collapsed. Return to an earlier checkpoint and try a lower learning rate, "
            "fewer critic updates (training.critics.every), or larger weights of the terms that tie outputs to inputs"
        )

    def _dead_critic(self, record: Mapping[str, Any]) -> str:
        limit = self._options.dead_critic
        figures = {"gradient norm": record["gradients"]["critics"], "loss": record["terms"].get("critics_total")}
        low = [f"{name} is {value:.1e}" for name, value in figures.items() if value is not None and abs(value) < limit]
        if not low:
            return ""
        return (
            f"the critics' {low[0]}: they no longer train the generators. Try a lower learning rate for the critics, "
            "a gradient penalty, or another adversarial loss"
        )
