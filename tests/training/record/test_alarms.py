"""Alarms, raised from the records of a run."""

from __future__ import annotations

from typing import Any

import pytest

from img2imgkit.training.plan.training_options import Alarms
from img2imgkit.training.record.alarms import EVALUATIONS, INTERVALS, AlarmMonitor

GOOD_LOOK = {"variety": 0.8, "flat": False}
COLLAPSED = {"variety": 0.001, "flat": False}


def line(gradient: float = 1.0, total: float = 1.0) -> dict[str, Any]:
    return {"gradients": {"generators": 1.0, "critics": gradient}, "terms": {"critics_total": total}}


def names(records: list[dict[str, Any]], **options: Any) -> list[str | None]:
    watch = AlarmMonitor(Alarms(**options))
    return [alarm.name if (alarm := watch.check(record)) else None for record in records]


@pytest.mark.parametrize("look", [COLLAPSED, {"variety": None, "flat": True}, {"variety": 0.9, "flat": True}])
def test_a_lasting_collapse_is_reported_once(look: dict[str, Any]) -> None:
    assert names([look] * (EVALUATIONS + 2)) == [*[None] * (EVALUATIONS - 1), "collapse", None, None]


def test_a_recurring_collapse_is_reported_again() -> None:
    again = [*[COLLAPSED] * EVALUATIONS, GOOD_LOOK, *[COLLAPSED] * EVALUATIONS]
    assert names(again).count("collapse") == 2
    assert names([COLLAPSED, GOOD_LOOK] * 4) == [None] * 8


def test_a_single_picture_that_is_not_flat_raises_no_alarm() -> None:
    assert names([{"variety": None, "flat": False}] * 5) == [None] * 5


@pytest.mark.parametrize("dead", [line(gradient=1e-9), line(total=-1e-9)])
def test_critics_without_gradient_or_loss_are_dead_after_some_lines(dead: dict[str, Any]) -> None:
    assert names([dead] * (INTERVALS + 1)) == [*[None] * (INTERVALS - 1), "dead_critic", None]


def test_a_training_without_critics_raises_no_alarm() -> None:
    assert names([{"gradients": {"generators": 0.0}, "terms": {}}] * 5) == [None] * 5


def test_thresholds_are_options() -> None:
    assert names([COLLAPSED] * EVALUATIONS, collapse=1e-4) == [None] * EVALUATIONS
    assert names([line(0.5)] * INTERVALS, dead_critic=0.6)[-1] == "dead_critic"
    assert names([line(0.0, 0.0)] * INTERVALS, dead_critic=0) == [None] * INTERVALS


def test_the_text_states_values_and_remedies() -> None:
    watch = AlarmMonitor(Alarms())
    alarms = [watch.check(record) for record in [COLLAPSED] * EVALUATIONS + [line(1e-9)] * INTERVALS]
    collapse, critic = (alarm.text for alarm in alarms if alarm)
    assert "only 0.10% of the expected variety" in collapse
    assert "lower learning rate" in collapse
    assert "gradient norm is 1.0e-09" in critic
