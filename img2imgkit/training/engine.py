"""One training step: forward, losses, gradients and updates of every player, on one or many replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.task import Networks, Task, Terms
from img2imgkit.training.average import Average
from img2imgkit.training.objective import Objective
from img2imgkit.training.optimizers import reduced_apply
from img2imgkit.training.options import TrainingOptions
from img2imgkit.training.players import Player, players_of

Tensors = dict[str, Any]
_TOTALS = ("generators_total", "critics_total")


class Engine:
    """The trained state of a task (networks, optimizers, average) and the step that moves it.

    The step is counted by the caller: everything that depends on it (rates, average) is computed from it, so the state
    is nothing but the variables in ``state``.
    """

    def __init__(
        self, task: Task, options: TrainingOptions, strategy: tf.distribute.Strategy, global_batch: int
    ) -> None:
        self.task, self.options, self.strategy = task, options, strategy
        self.replicas = strategy.num_replicas_in_sync
        if global_batch % self.replicas:
            raise TrainingError(f"data.batch: {global_batch} images cannot be shared evenly by {self.replicas} devices")
        keras.utils.set_random_seed(options.seed)
        with strategy.scope(), _Precision(options.precision):
            self.nets = task.build()
            self.players = players_of(task, self.nets, options)
            self.average = Average(self.nets, task.build(), options.ema) if options.ema else None
        self._objective = Objective(task, global_batch)
        self._compiled = tf.function(self._distributed, autograph=False)

    @property
    def result(self) -> Networks:
        """The networks to translate with: the average, where there is one."""
        return self.average.networks if self.average else self.nets

    @property
    def parameters(self) -> Mapping[str, int]:
        """How many trained numbers each player has."""
        return {name: sum(int(np.prod(v.shape)) for v in player.variables) for name, player in self.players.items()}

    @property
    def state(self) -> dict[str, Any]:
        """Every variable that a resumed training needs, under a stable name."""
        found: dict[str, Any] = {}
        averaged = self.average.networks.generators if self.average else {}
        for group, networks in (
            ("generators", self.nets.generators),
            ("critics", self.nets.critics),
            ("average", averaged),
        ):
            for role, net in networks.items():
                found |= {f"{group}/{role}/{number:04d}": v for number, v in enumerate(net.variables)}
        for name, player in self.players.items():
            found |= {f"optimizer/{name}/{number:04d}": v for number, v in enumerate(player.optimizer.variables)}
        return found

    def rates(self, step: int) -> dict[str, float]:
        """Set the step's learning rates, and return them by player."""
        return {name: player.set_rate(step, self.options.steps) for name, player in self.players.items()}

    def step(self, step: int, batch: Mapping[str, np.ndarray]) -> Tensors:
        """Move every player whose turn it is.

        Returns:
            scalars, not yet fetched from the device: each term's mean, each player's ``<player>_total``, and
            ``finite``, which is 1 while every gradient was.
        """
        moving = tuple(name for name, player in self.players.items() if player.moves_in(step))
        logs: Tensors = self._compiled(self._shared(batch), tf.constant(step, tf.int64), moving)
        return logs

    def _shared(self, batch: Mapping[str, np.ndarray]) -> Any:
        """The batch as one slice per replica."""
        if self.replicas == 1:
            return {key: tf.constant(value) for key, value in batch.items()}

        def part(context: Any) -> Any:
            mine = context.replica_id_in_sync_group
            return {key: tf.constant(np.split(value, self.replicas)[mine]) for key, value in batch.items()}

        return self.strategy.experimental_distribute_values_from_function(part)

    def _distributed(self, batch: Any, step: Any, moving: tuple[str, ...]) -> Tensors:
        shares = self.strategy.run(self._replica_step, args=(batch, step, moving))
        return {
            key: self.strategy.reduce(tf.distribute.ReduceOp.SUM, share, axis=None) for key, share in shares.items()
        }

    def _replica_step(self, batch: Any, step: Any, moving: tuple[str, ...]) -> Tensors:
        batch = dict(self.task.prepare(batch))
        images = next(iter(batch.values())).shape[0]
        logs: Tensors = {}
        finite: list[Any] = []
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "generators")
            out = self.task.forward(self.nets, batch)
            if moving[:1] == ("critics",):
                with tape.stop_recording():
                    finite.append(self._move_critics(batch, out, images, logs))
            if "generators" in moving:
                total, means = self._objective.reduce(self.task.generator_losses(self.nets, batch, out), images)
        if "generators" in moving:
            logs |= means | {"generators_total": total}
            finite.append(self._apply(self.players["generators"], tape, total))
        if "critics" in moving[1:]:
            finite.append(self._move_critics(batch, out, images, logs))
        if set(moving) == set(self.players):
            self._objective.prove_complete([name for name in logs if name not in _TOTALS])
        if self.average and "generators" in moving:
            self.average.update(step)
        return {**logs, "finite": tf.reduce_min(tf.stack(finite)) / self.replicas}

    def _move_critics(self, batch: Any, out: Mapping[str, Any], images: int, logs: Tensors) -> Any:
        player = self.players["critics"]
        shown = tf.nest.map_structure(tf.stop_gradient, dict(out))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "critics")
            terms: Terms = self.task.critic_losses(self.nets, batch, shown)
            total, means = self._objective.reduce(terms, images)
        logs |= means | {"critics_total": total}
        return self._apply(player, tape, total)

    def _watch(self, tape: tf.GradientTape, name: str) -> None:
        for variable in self.players[name].variables if name in self.players else ():
            tape.watch(variable.value)

    def _apply(self, player: Player, tape: tf.GradientTape, total: Any) -> Any:
        gradients = tape.gradient(total, [variable.value for variable in player.variables])
        for variable, gradient in zip(player.variables, gradients, strict=True):
            if gradient is None:
                raise TrainingError(f"task {self.task.name!r}: no term of the {player.name} depends on {variable.path}")
        return reduced_apply(player.optimizer, gradients, player.variables, player.options.clip)


class _Precision:
    """Keras' global dtype policy for as long as networks are built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._before)
