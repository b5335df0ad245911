"""One training step: forward, losses, gradients and updates of every player, on one or many replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from img2imgkit.config import suggestion
from img2imgkit.errors import TrainingError
from img2imgkit.task import Networks, Task
from img2imgkit.training.loop.average import Average
from img2imgkit.training.loop.history import History, draws
from img2imgkit.training.loop.objective import Objective
from img2imgkit.training.loop.players import Moves, moves_at, players_of
from img2imgkit.training.loop.replica import ReplicaStep, Tensors
from img2imgkit.training.plan.training_options import TrainingOptions


class Trainer:
    """The trained state of a task (networks, optimizers, average) and the step that moves it.

    The step is counted by the caller: everything that depends on it (rates, average) is computed from it, so the state
    is nothing but the variables in ``state``.
    """

    def __init__(
        self,
        task: Task,
        options: TrainingOptions,
        strategy: tf.distribute.Strategy,
        global_batch: int,
        example: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Build the networks and optimizers; ``example`` is any batch, needed by tasks with a history.

        Raises:
            TrainingError: batch and devices, or task and options, do not fit each other.
        """
        self.task, self.options, self.strategy, self.global_batch = task, options, strategy, global_batch
        self.replicas = strategy.num_replicas_in_sync
        _prove_shares(global_batch, self.replicas, options.micro_batches)
        keras.utils.set_random_seed(options.seed)
        with strategy.scope(), _Precision(options.precision):
            self.nets = _whole(task)
            self.players = players_of(task, self.nets, options)
            self.average = Average(self.nets, task.build(), options.ema) if options.ema else None
            self.histories = self._new_histories(example)
        self._objective = Objective(task, global_batch)
        self._prove_stages()
        self._graphs: dict[Moves, Any] = {}

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
            for role, optimizer in player.optimizers.items():
                place = f"optimizer/{name}/{role}" if role else f"optimizer/{name}"
                found |= {f"{place}/{number:04d}": v for number, v in enumerate(optimizer.variables)}
            if player.scale is not None:
                found |= {f"scale/{name}/scale": player.scale.scale, f"scale/{name}/good": player.scale.good}
        for key, history in self.histories.items():
            found |= {f"history/{key}/images": history.images, f"history/{key}/count": history.count}
        return found

    @property
    def rows(self) -> range:
        """The rows of a global batch that this process must give to ``step``: all of them on one machine."""
        resolver = self.strategy.cluster_resolver
        spec = resolver.cluster_spec().as_dict() if resolver else {}
        workers = sum(len(hosts) for job, hosts in spec.items() if job in ("chief", "worker"))
        if workers < 2:
            return range(self.global_batch)
        each = self.global_batch // workers
        number = resolver.task_id + (1 if "chief" in spec and resolver.task_type == "worker" else 0)
        return range(number * each, (number + 1) * each)

    def rates(self, step: int) -> dict[str, float]:
        """Set the step's learning rates, and return them by player."""
        first, stage = self.options.stage_at(step)
        return {
            name: player.set_rate(step - first, stage.steps, stage.rates.get(name, 1.0))  # type: ignore[call-overload]
            for name, player in self.players.items()
        }

    def step(self, step: int, batch: Mapping[str, np.ndarray]) -> Tensors:
        """Move every player whose turn it is; ``batch`` holds the rows of the global batch that ``rows`` says.

        Returns:
            scalars, not yet fetched from the device: each term's mean, each player's ``<player>_total``, the norm of
            its gradient as ``<player>_gradient``, with float16 its ``<player>_scale``, and ``finite``, which is 1 while
            every gradient was.
        """
        moves = moves_at(self.players, self.options, step)
        if not moves.players:
            return {"finite": tf.constant(1.0)}
        graph = self._graphs.setdefault(moves, tf.function(partial(self._distributed, moves), autograph=False))
        logs: Tensors = graph(self._shared(batch), tf.constant(step, tf.int64))
        return logs

    def _shared(self, batch: Mapping[str, np.ndarray]) -> Any:
        """The batch as one slice per replica."""
        if self.replicas == 1:
            return {key: tf.constant(value) for key, value in batch.items()}
        each, first = self.global_batch // self.replicas, self.rows.start

        def part(context: Any) -> Any:
            begin = context.replica_id_in_sync_group * each - first
            return {key: tf.constant(value[begin : begin + each]) for key, value in batch.items()}

        return self.strategy.experimental_distribute_values_from_function(part)

    def _distributed(self, moves: Moves, batch: Any, step: Any) -> Tensors:
        shares = self.strategy.run(self._replica_step, args=(batch, step, moves))
        return {
            key: self.strategy.reduce(tf.distribute.ReduceOp.SUM, share, axis=None) for key, share in shares.items()
        }

    def _replica_step(self, batch: Any, step: Any, moves: Moves) -> Tensors:
        prepared = dict(self.task.prepare(batch))
        every = self.options.critics.penalty_every
        recall = _Recall(self.histories, self.options.seed, step, self.global_batch)
        replica = ReplicaStep(self.task, self.nets, self.players, self._objective, moves, every, recall)
        logs = replica.run(_parts(prepared, self.options.micro_batches))
        limit = self.options.critics.clip_weights
        if limit is not None and "critics" in moves.players:
            for variable in self.players["critics"].moving(moves.standing):
                variable.assign(tf.clip_by_value(variable.value, -limit, limit))
        if self.average and "generators" in moves.players:
            self.average.update(step)
        return logs

    def _prove_stages(self) -> None:
        known = type(self.task.weights).model_fields
        for stage in self.options.stages:
            for name in stage.weights:
                if name not in known:
                    near = suggestion(name, known)
                    raise TrainingError(f"stage {stage.name!r}: weights: {self.task.name!r} has no term {name!r}{near}")

    def _new_histories(self, example: Mapping[str, np.ndarray] | None) -> dict[str, History]:
        """The pools of the task, whose images' sizes are read off the graph of its forward pass."""
        sizes = {key: size for key, size in self.task.history().items() if size}
        if not sizes or not self.nets.critics:
            return {}
        if example is None:
            raise TrainingError(f"task {self.task.name!r}: its history of images needs an example batch")
        given = {key: tf.TensorSpec((1, *value.shape[1:]), value.dtype) for key, value in example.items()}
        traced = tf.function(lambda batch: self.task.forward(self.nets, self.task.prepare(batch)), autograph=False)
        images = traced.get_concrete_function(given).structured_outputs
        unknown = sorted(sizes.keys() - images.keys())
        if unknown:
            raise TrainingError(f"task {self.task.name!r}: history of {unknown[0]!r}, which forward() does not make")
        return {key: History(size, tuple(images[key].shape[1:])) for key, size in sizes.items()}


class _Recall:
    """What the critics see of a step's images: those with a history through it."""

    def __init__(self, histories: Mapping[str, History], seed: int, step: Any, global_batch: int) -> None:
        self._histories, self._used = histories, 0
        self._draws = {
            key: draws(seed, step, number, global_batch, history.size)
            for number, (key, history) in enumerate(sorted(histories.items()))
        }

    def __call__(self, out: Mapping[str, Any]) -> Mapping[str, Any]:
        shown = dict(out)
        for key, history in self._histories.items():
            count = out[key].shape[0] * tf.distribute.get_replica_context().num_replicas_in_sync
            chances, choices = (each[self._used : self._used + count] for each in self._draws[key])
            shown[key] = history(out[key], chances, choices)
        if self._histories:
            self._used += count
        return shown


def _whole(task: Task) -> Networks:
    """The networks that training needs: those of ``build``, and the frozen ones, which no bundle holds."""
    nets = task.build()
    return replace(nets, frozen={**nets.frozen, **task.frozen()})


def _prove_shares(global_batch: int, replicas: int, parts: int) -> None:
    if global_batch % replicas:
        raise TrainingError(f"data.batch: {global_batch} images cannot be shared evenly by {replicas} devices")
    if global_batch // replicas % parts:
        raise TrainingError(
            f"training.micro_batches: the {global_batch // replicas} images of a device cannot be parted into {parts}"
        )


def _parts(batch: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    if count == 1:
        return [batch]
    split = {key: tf.split(value, count) for key, value in batch.items()}
    return [{key: values[i] for key, values in split.items()} for i in range(count)]


class _Precision:
    """Keras' global dtype policy for as long as networks are built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._before)
