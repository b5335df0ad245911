"""The players of a training: networks that share an optimizer, and the proof that every variable has exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from img2imgkit.errors import TrainingError
from img2imgkit.task import Networks, Task
from img2imgkit.training import optimizers
from img2imgkit.training.options import PlayerOptions, TrainingOptions
from img2imgkit.training.schedules import share_at


@dataclass(frozen=True)
class Player:
    """Networks that one optimizer updates."""

    name: str
    variables: tuple[Any, ...]
    optimizer: keras.Optimizer
    options: PlayerOptions

    def moves_in(self, step: int) -> bool:
        """Whether it is updated in that step."""
        return step % self.options.every == 0

    def set_rate(self, step: int, steps: int) -> float:
        """Put the step's learning rate into the optimizer, and return it."""
        rate = self.options.optimizer.learning_rate * share_at(self.options.schedule, step, steps)
        self.optimizer.learning_rate = rate
        return rate


def players_of(task: Task, nets: Networks, options: TrainingOptions) -> dict[str, Player]:
    """The task's players in the order of their moves; a player without networks does not play.

    Raises:
        TrainingError: the order names something else, leaves one out, or a variable belongs to two networks.
    """
    members = {"generators": nets.generators, "critics": nets.critics}
    if sorted(task.order) != sorted(set(task.order)) or not set(task.order) <= members.keys():
        raise TrainingError(
            f"task {task.name!r}: order is {task.order}, expected each of {tuple(members)} at most once"
        )
    missing = [name for name, networks in members.items() if networks and name not in task.order]
    if missing:
        raise TrainingError(f"task {task.name!r}: has {missing[0]}, but its order {task.order} never moves them")
    _prove_one_owner(task, nets)
    return {name: _player(name, members[name], getattr(options, name)) for name in task.order if members[name]}


def _player(name: str, networks: Mapping[str, keras.Model], options: PlayerOptions) -> Player:
    variables = tuple(variable for net in networks.values() for variable in net.trainable_variables)
    if not variables:
        raise TrainingError(f"{name}: {', '.join(networks)} have no trainable variable")
    return Player(name, variables, optimizers.build(options.optimizer, variables), options)


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
