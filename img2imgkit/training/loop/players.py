"""The players of a training, networks that are updated together, and the moving average of the generators' weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from img2imgkit.errors import TrainingError
from img2imgkit.task import Networks, Task
from img2imgkit.training.loop.optimizers import LossScale, build, factor_at
from img2imgkit.training.plan.training_options import PlayerOptions, TrainingOptions


@dataclass(frozen=True)
class Player:
    """Networks that are updated together.

    Attributes:
        optimizers: one for all networks, under ""; or one per network, by its role, if a stage freezes some of them,
            because each must then count its own updates
    """

    name: str
    networks: Mapping[str, keras.Model]
    optimizers: Mapping[str, keras.Optimizer]
    options: PlayerOptions
    scale: LossScale | None = None

    @property
    def variables(self) -> tuple[Any, ...]:
        """All trainable variables of the player."""
        return self.moving(())

    def moving(self, standing: Sequence[str]) -> tuple[Any, ...]:
        """The trainable variables of its networks, except those of the roles ``standing``."""
        return tuple(variable for _, variables in self.groups(standing) for variable in variables)

    def groups(self, standing: Sequence[str]) -> list[tuple[keras.Optimizer, tuple[Any, ...]]]:
        """Each optimizer with the variables that it updates, without networks of the roles ``standing``."""
        moving = {role: tuple(net.trainable_variables) for role, net in self.networks.items() if role not in standing}
        if "" in self.optimizers:
            return [(self.optimizers[""], tuple(variable for some in moving.values() for variable in some))]
        return [(self.optimizers[role], variables) for role, variables in moving.items() if variables]

    def moves_in(self, step: int) -> bool:
        """Whether the player is updated in a step, counted from the start of the stage."""
        return step % self.options.every == 0

    def set_rate(self, step: int, steps: int, factor: float = 1.0) -> float:
        """Set the optimizers' learning rate for a step, and return it."""
        rate = factor * self.options.optimizer.learning_rate * factor_at(self.options.schedule, step, steps)
        self.use_rate(rate)
        return rate

    def use_rate(self, rate: float) -> None:
        """Set the optimizers' learning rate."""
        for optimizer in self.optimizers.values():
            optimizer.learning_rate = rate


@dataclass(frozen=True)
class Moves:
    """Which players are updated in a step, and how. Steps with equal moves share one graph.

    Attributes:
        players: in the order of their updates
        penalise: whether the critics' penalties are computed
        standing: roles of networks that are not updated
        weights: loss weights that override the task's, as (name, weight)
    """

    players: tuple[str, ...]
    penalise: bool
    standing: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]


def moves_at(players: Mapping[str, Player], options: TrainingOptions, step: int) -> Moves:
    """Return the moves of a step."""
    first, stage = options.stage_at(step)
    within = step - first
    moving = tuple(name for name, player in players.items() if stage.moves(name) and player.moves_in(within))
    every = options.critics.every * options.critics.penalty_every
    penalise = "critics" in moving and within % every == 0
    return Moves(moving, penalise, stage.standing, tuple(sorted(stage.weights.items())))


def players_of(task: Task, nets: Networks, options: TrainingOptions) -> dict[str, Player]:
    """Return the task's players in the order of their updates. A player without networks is left out.

    Raises:
        TrainingError: the order names an unknown player or omits one, or a variable belongs to two networks.
    """
    members = {"generators": nets.generators, "critics": nets.critics}
    if sorted(task.order) != sorted(set(task.order)) or not set(task.order) <= members.keys():
        raise TrainingError(
            f"task {task.name!r}: order is {task.order}, expected each of {tuple(members)} at most once"
        )
    missing = [name for name, networks in members.items() if networks and name not in task.order]
    if missing:
        raise TrainingError(f"task {task.name!r}: has {missing[0]}, but its order {task.order} omits them")
    _prove_one_owner(task, nets)
    _prove_stages(members, options)
    return {name: _player(name, members[name], options) for name in task.order if members[name]}


def _player(name: str, networks: Mapping[str, keras.Model], options: TrainingOptions) -> Player:
    own: PlayerOptions = getattr(options, name)
    trained = {role: list(net.trainable_variables) for role, net in networks.items() if net.trainable_variables}
    if not trained:
        raise TrainingError(f"{name}: {', '.join(networks)} have no trainable variables")
    separate = any(role in stage.standing for stage in options.stages for role in trained)
    groups = trained if separate else {"": [variable for some in trained.values() for variable in some]}
    optimizers = {role: build(own.optimizer, variables) for role, variables in groups.items()}
    scale = LossScale() if options.precision == "mixed_float16" else None
    return Player(name, networks, optimizers, own, scale)


def _prove_stages(members: Mapping[str, Mapping[str, keras.Model]], options: TrainingOptions) -> None:
    roles = [role for networks in members.values() for role in networks]
    for stage in options.stages:
        absent = [name for name in stage.players or () if not members[name]]
        if absent:
            raise TrainingError(f"stage {stage.name!r}: the task has no {absent[0]}")
        unknown = [role for role in stage.standing if role not in roles]
        if unknown:
            raise TrainingError(
                f"stage {stage.name!r}: standing: no network {unknown[0]!r}; expected one of {', '.join(roles)}"
            )
        moving = [name for name, networks in members.items() if networks and stage.moves(name)]
        still = [name for name in moving if set(members[name]) <= set(stage.standing)]
        if still:
            raise TrainingError(
                f"stage {stage.name!r}: standing lists all {still[0]}; leave {still[0]} out of players instead"
            )


def _prove_one_owner(task: Task, nets: Networks) -> None:
    owners: dict[int, str] = {}
    for group in (nets.generators, nets.critics, nets.frozen):
        for role, net in group.items():
            for variable in net.variables if group is nets.frozen else net.trainable_variables:
                other = owners.setdefault(id(variable), role)
                if other != role:
                    raise TrainingError(
                        f"task {task.name!r}: variable {variable.path} belongs to both {other!r} and {role!r}"
                    )


class Average:
    """A second set of the task's networks whose generators hold the moving average of the trained ones.

    The decay rises with the step n, min(decay, (1 + n) / (10 + n)), so that the initial weights are soon forgotten.
    """

    def __init__(self, trained: Networks, averaged: Networks, decay: float) -> None:
        self.networks = averaged
        self._decay = decay
        self._pairs = [
            pair
            for role, net in trained.generators.items()
            for pair in zip(net.weights, averaged.generators[role].weights, strict=True)
            if "seed_generator" not in pair[0].path
        ]
        self.restart()

    def restart(self) -> None:
        """Reset the average to the current trained weights."""
        for source, target in self._pairs:
            target.assign(source)

    def update(self, step: Any) -> None:
        """Update the average; call it inside the step, after the generators. Non-trainable weights are copied."""
        count = ops.cast(step, "float32")
        decay = tf.minimum(tf.constant(self._decay, tf.float32), (1 + count) / (10 + count))
        for source, target in self._pairs:
            value = ops.cast(source.value, target.dtype)
            target.assign(target.value * decay + value * (1 - decay) if source.trainable else value)
