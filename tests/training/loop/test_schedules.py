"""Learning-rate schedules: values at their defining points."""

from __future__ import annotations

import math

import pytest

from img2imgkit.training.loop.schedules import factor_at
from img2imgkit.training.plan.training_options import Constant, Cosine, Linear, StepDecay

STEPS = 101


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (Constant(), {0: 1, 50: 1, 100: 1}),
        (Linear(after=0.5), {0: 1, 50: 1, 75: 1 - 24.5 / 49.5, 100: 0}),
        (Linear(after=0, final=0.2), {0: 1, 50: 0.6, 100: 0.2}),
        (StepDecay(at=(10, 50), factor=0.5), {0: 1, 9: 1, 10: 0.5, 49: 0.5, 50: 0.25, 100: 0.25}),
        (Cosine(), {0: 1, 50: 0.5, 25: 0.5 + math.sqrt(0.125), 100: 0}),
        (Cosine(final=0.1), {0: 1, 50: 0.55, 100: 0.1}),
    ],
)
def test_passes_through_its_points(schedule, wanted) -> None:  # type: ignore[no-untyped-def]
    assert {step: factor_at(schedule, step, STEPS) for step in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [Constant, Linear, Cosine])
def test_warm_up_rises_evenly_to_the_full_rate(kind) -> None:  # type: ignore[no-untyped-def]
    schedule = kind(warmup=4)
    assert [factor_at(schedule, step, STEPS) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=1e-3)


@pytest.mark.parametrize("schedule", [Constant(), Linear(), Cosine(), StepDecay(at=(1,))])
def test_a_single_step_has_a_finite_rate(schedule) -> None:  # type: ignore[no-untyped-def]
    assert 0 <= factor_at(schedule, 0, 1) <= 1
