"""Figures of a log interval."""

from __future__ import annotations

import math

import pytest

from img2imgkit.training.record.meter import Meter


class Clock:
    """Fake time, and time spent waiting for data."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.waited = 100.0
        monkeypatch.setattr("time.perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_means_are_over_the_steps_that_had_a_term(clock: Clock) -> None:
    meter = Meter(("generators", "critics"), 0, lambda: clock.waited)
    meter.add({"l1": 1.0, "finite": 1.0, "generators_gradient": 2.0})
    meter.add({"l1": 3.0, "finite": 1.0, "generators_gradient": 4.0, "penalty": 7.0, "critics_scale": 8.0})
    figures = meter.take(2)
    assert figures is not None
    assert figures.terms == {"l1": 2.0, "penalty": 7.0}
    assert figures.gradients == {"generators": 3.0}
    assert figures.scales == {"critics": 8.0}
    assert figures.finite
    assert meter.take(2) is None


def test_an_overflowed_gradient_alone_is_not_an_error(clock: Clock) -> None:
    """Loss scaling expects it; ``finite`` decides whether it is an error."""
    meter = Meter(("generators", "critics"), 0, lambda: clock.waited)
    meter.add({"l1": 1.0, "finite": 1.0, "generators_gradient": math.inf, "critics_gradient": math.nan})
    meter.add({"l1": 1.0, "finite": 1.0, "generators_gradient": 4.0})
    figures = meter.take(2)
    assert figures is not None
    assert figures.finite
    assert figures.gradients == {"generators": 4.0}


@pytest.mark.parametrize("bad", [{"finite": 0.0}, {"finite": 1.0, "l1": math.nan}, {"finite": 1.0, "l1": math.inf}])
def test_one_bad_step_makes_the_interval_bad(clock: Clock, bad: dict[str, float]) -> None:
    meter = Meter(("generators",), 0, lambda: clock.waited)
    for scalars in ({"finite": 1.0, "l1": 1.0}, bad, {"finite": 1.0, "l1": 1.0}):
        meter.add(scalars)
    figures = meter.take(3)
    assert figures is not None
    assert not figures.finite


def test_speed_excludes_pauses(clock: Clock) -> None:
    meter = Meter(("generators",), 10, lambda: clock.waited)
    meter.add({"finite": 1.0})
    clock.now, clock.waited = 104.0, 101.0
    with meter.paused():
        clock.now += 50
    figures = meter.take(18)
    assert figures is not None
    assert (figures.seconds, figures.steps_per_second, figures.input_wait) == (4.0, 7 / 4, 0.25)
    meter.add({"finite": 1.0})
    clock.now += 1
    later = meter.take(19)
    assert later is not None
    assert (later.steps_per_second, later.input_wait) == (1.0, 0.0)


def test_the_first_step_of_a_run_does_not_slow_the_others(clock: Clock) -> None:
    meter = Meter(("generators",), 10, lambda: clock.waited)
    clock.now += 60  # the graphs are built
    meter.add({"finite": 1.0})
    alone = meter.take(11)
    assert alone is not None
    assert alone.steps_per_second == 1 / 60
    meter = Meter(("generators",), 10, lambda: clock.waited)
    clock.now += 60
    for _ in range(5):
        meter.add({"finite": 1.0})
        clock.now += 1
    figures = meter.take(15)
    assert figures is not None
    assert (figures.seconds, figures.steps_per_second) == (65.0, 4 / 5)
