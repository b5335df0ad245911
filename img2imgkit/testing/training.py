"""Verify that a task trains: every player learns, and training on two devices equals training on one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.task import Task
from img2imgkit.testing.batches import MakeBatch
from img2imgkit.testing.claims import expect, must_work
from img2imgkit.training.plan.training_options import CriticOptions, PlayerOptions, Sgd, TrainingOptions

if TYPE_CHECKING:
    from img2imgkit.training.loop.trainer import Trainer

_STEPS, _IMAGES, _SEED = 5, 4, 5
_RATE = 2e-3  # for gradients up to norm 1; larger ones get a lower rate, or rounding errors grow with each step
TOLERANCE = 1e-6  # between one device and two, relative to weights of about 1
Values = list[tuple[str, Any]]


def check_training(task: Task, make: MakeBatch, replicas: bool) -> None:
    """In five steps every kernel changes and stays finite; two devices with half of the batch each agree.

    A bias may stay constant, such as one before a norm, or the last one of a critic with a relativistic loss.
    """
    trainer = _trainer(task, _one_cpu(), make)
    before = _values(trainer)
    rates = _rates(trainer, make)
    _train(trainer, make, rates)
    after = _values(trainer)
    for (name, was), (_, value) in zip(before, after, strict=True):
        expect(np.isfinite(value).all(), f"five training steps turned {name} into infinity or NaN")
        expect(was.ndim < 2 or not np.array_equal(value, was), f"five training steps did not change {name}")
    if replicas:
        _check_replicas(task, make, rates, after)


def _check_replicas(task: Task, make: MakeBatch, rates: Mapping[str, float], ends: Values) -> None:
    try:
        two = backend.mirrored_cpus(2)
    except RuntimeError:
        raise AssertionError(
            "TensorFlow has started with one CPU device: call img2imgkit.backend.split_cpu() before it does,"
            " such as in conftest.py, or check_task(..., replicas=False)"
        ) from None
    trainer = _trainer(task, two, make)
    _rates(trainer, make)
    _train(trainer, make, rates)
    for (name, one), (_, both) in zip(ends, _values(trainer), strict=True):
        apart = float(np.max(np.abs(one - both) / np.maximum(1, np.abs(one)), initial=0))
        claim = f"after training on two devices, {name} differs by {apart:.1e} from training on one"
        expect(apart <= TOLERANCE, f"{claim}: something is computed over a device's share of the batch only")


def _one_cpu() -> Any:
    return backend.strategy_over(backend.devices("cpu"))


def _trainer(task: Task, strategy: Any, make: MakeBatch) -> Trainer:
    from img2imgkit.training.loop.trainer import Trainer

    # Plain SGD: the first steps of Adam are signs, which amplify rounding errors to whole steps.
    options = TrainingOptions(
        steps=_STEPS,
        seed=_SEED,
        ema=None,
        generators=PlayerOptions(optimizer=Sgd()),
        critics=CriticOptions(optimizer=Sgd()),
    )
    with must_work("training"):
        return Trainer(task, options, strategy, _IMAGES, make(np.random.default_rng(_SEED), _IMAGES))


def _rates(trainer: Trainer, make: MakeBatch) -> Mapping[str, float]:
    """A learning rate for each player, from its first gradient, measured by a step of rate 0."""
    logs = _stepped(trainer, make, 0, dict.fromkeys(trainer.players, 0.0))
    norms = {name: float(logs[f"{name}_gradient"]) for name in trainer.players}
    return {name: _RATE / max(1.0, norm) for name, norm in norms.items()}


def _train(trainer: Trainer, make: MakeBatch, rates: Mapping[str, float]) -> None:
    for step in range(_STEPS):
        _stepped(trainer, make, step, rates)


def _stepped(trainer: Trainer, make: MakeBatch, step: int, rates: Mapping[str, float]) -> Mapping[str, Any]:
    for name, player in trainer.players.items():
        player.use_rate(rates[name])
    with must_work("training"):
        return trainer.step(step, make(np.random.default_rng((_SEED, step)), _IMAGES))


def _values(trainer: Trainer) -> list[tuple[str, Any]]:
    """Every trained variable's name and value, always in the same order; layer names differ between builds."""
    return [
        (f"{player.name}: {variable.path}", np.asarray(variable.numpy()))
        for player in trainer.players.values()
        for variable in player.variables
    ]
