"""Signs that a training which still runs is going wrong, read off the lines of its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from img2imgkit.training.plan.training_options import Alarms

LINES = 3  # log intervals in a row that make a critic dead
LOOKS = 2  # looks at the probe in a row that make a collapse: the first may come before anything is learned


@dataclass(frozen=True)
class Alarm:
    """What went wrong, and what to try."""

    name: Literal["collapse", "dead_critic"]
    text: str


class Watch:
    """Sees each record of a run, in order, and raises an alarm when a sign has held long enough; once, until it ends.

    What it knows follows from the records, so a resumed run shows it those that it kept.
    """

    def __init__(self, options: Alarms) -> None:
        self._options = options
        self._held = {"collapse": 0, "dead_critic": 0}

    def see(self, record: Mapping[str, Any]) -> Alarm | None:
        """An alarm, when this record is the one that completes a sign."""
        if "variety" in record:
            sign = self._collapse(record)
            return Alarm("collapse", sign) if self._completes("collapse", sign, LOOKS) else None
        if "critics" in record.get("gradients", {}):
            sign = self._dead_critic(record)
            return Alarm("dead_critic", sign) if self._completes("dead_critic", sign, LINES) else None
        return None

    def _completes(self, name: str, sign: str, patience: int) -> bool:
        self._held[name] = self._held[name] + 1 if sign else 0
        return self._held[name] == patience

    def _collapse(self, record: Mapping[str, Any]) -> str:
        variety = record["variety"]
        if record["flat"]:
            sign = "every output of the probe is one flat colour"
        elif variety is not None and variety < self._options.collapse:
            sign = f"the outputs of the probe differ from each other only {variety:.2%} as much as they should"
        else:
            return ""
        return (
            f"{sign}: the generators have collapsed. Go back to an earlier checkpoint and try a smaller learning rate, "
            "slower critics (training.critics.every), or more weight on the terms that tie an output to its input"
        )

    def _dead_critic(self, record: Mapping[str, Any]) -> str:
        limit = self._options.dead_critic
        figures = {"gradient norm": record["gradients"]["critics"], "loss": record["terms"].get("critics_total")}
        low = [f"{name} is {value:.1e}" for name, value in figures.items() if value is not None and abs(value) < limit]
        if not low:
            return ""
        return (
            f"the critics' {low[0]}: they learn and teach no more. Try a smaller learning rate for the critics, "
            "a gradient penalty, or another adversarial loss"
        )
