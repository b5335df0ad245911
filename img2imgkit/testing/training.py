"""Whether a task trains: every player moves, and two devices move it as one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.task import Task
from img2imgkit.testing.batches import MakeBatch
from img2imgkit.testing.claims import expect, must_work

if TYPE_CHECKING:
    from img2imgkit.training.engine import Engine

_STEPS, _IMAGES, _SEED = 5, 4, 5
_RATE = 1e-2
TOLERANCE = 1e-6  # between one device and two, beside weights of about 1


def check_training(task: Task, make: MakeBatch) -> None:
    """In five steps every trainable variable of every player moves, and stays finite."""
    engine = _engine(task, _one_cpu(), make)
    before = _values(engine)
    _train(engine, make)
    for (name, was), (_, value) in zip(before, _values(engine), strict=True):
        expect(np.isfinite(value).all(), f"five training steps made {name} infinite or NaN")
        expect(not np.array_equal(value, was), f"five training steps did not move {name}")


def check_replicas(task: Task, make: MakeBatch) -> None:
    """Two devices with half of the batch each end where one with all of it does."""
    try:
        two = backend.mirrored_cpus(2)
    except RuntimeError:
        raise AssertionError(
            "TensorFlow has started with one CPU device: call img2imgkit.backend.split_cpu() before it does,"
            " such as in conftest.py, or check_task(..., replicas=False)"
        ) from None
    ends = []
    for strategy in (_one_cpu(), two):
        engine = _engine(task, strategy, make)
        _train(engine, make)
        ends.append(_values(engine))
    for (name, one), (_, both) in zip(*ends, strict=True):
        apart = float(np.max(np.abs(one - both) / np.maximum(1, np.abs(one)), initial=0))
        claim = f"trained on two devices, {name} ends {apart:.1e} from where one device takes it"
        expect(apart <= TOLERANCE, f"{claim}: something is computed over a device's share of the batch")


def _one_cpu() -> Any:
    return backend.strategy_over(backend.devices("cpu"))


def _engine(task: Task, strategy: Any, make: MakeBatch) -> Engine:
    from img2imgkit.training.engine import Engine
    from img2imgkit.training.options import CriticOptions, PlayerOptions, Sgd, TrainingOptions

    # Plain descent: Adam's first steps are signs, and blow rounding up to whole steps.
    descent = Sgd(learning_rate=_RATE)
    options = TrainingOptions(
        steps=_STEPS,
        seed=_SEED,
        ema=None,
        generators=PlayerOptions(optimizer=descent),
        critics=CriticOptions(optimizer=descent),
    )
    with must_work("training"):
        return Engine(task, options, strategy, _IMAGES, make(np.random.default_rng(_SEED), _IMAGES))


def _train(engine: Engine, make: MakeBatch) -> None:
    for step in range(_STEPS):
        with must_work("training"):
            engine.rates(step)
            engine.step(step, make(np.random.default_rng((_SEED, step)), _IMAGES))


def _values(engine: Engine) -> list[tuple[str, Any]]:
    """Every trained variable's name and value, always in the same order; Keras numbers the names anew in each build."""
    return [
        (f"{player.name}: {variable.path}", np.asarray(variable.numpy()))
        for player in engine.players.values()
        for variable in player.variables
    ]
