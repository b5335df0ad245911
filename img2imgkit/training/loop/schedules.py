"""Learning-rate schedules as factors of the optimizer's rate."""

from __future__ import annotations

import math

from img2imgkit.training.plan.training_options import Constant, Cosine, Linear, Schedule, StepDecay


def factor_at(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of the learning rate at a step, counted from 0 to ``steps - 1``."""
    return _warm(schedule, step) * _decay(schedule, step, steps)


def _warm(schedule: Constant, step: int) -> float:
    return min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0


def _decay(schedule: Schedule, step: int, steps: int) -> float:
    match schedule:
        case Linear():
            start = schedule.after * steps
            return _between(1.0, schedule.final, _progress(step, start, steps))
        case StepDecay():
            return float(schedule.factor ** sum(step >= milestone for milestone in schedule.at))
        case Cosine():
            turned = 0.5 - 0.5 * math.cos(math.pi * _progress(step, schedule.warmup, steps))
            return _between(1.0, schedule.final, turned)
        case _:
            return 1.0


def _progress(step: int, start: float, steps: int) -> float:
    """Return 0 up to ``start``, 1 at the last step, and interpolate between them."""
    return min(1.0, max(0.0, (step - start) / max(1.0, steps - 1 - start)))


def _between(first: float, last: float, progress: float) -> float:
    return first + (last - first) * progress
