"""The training step: forward, losses, gradients and updates of every player, on one or more replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from img2imgkit.config import suggestion
from img2imgkit.errors import TrainingError
from img2imgkit.task import Networks, Task
from img2imgkit.training.loop.convolutions import fast_convolutions
from img2imgkit.training.loop.history import History, draws
from img2imgkit.training.loop.objective import Objective
from img2imgkit.training.loop.players import Average, Moves, moves_at, players_of
from img2imgkit.training.loop.replica import ReplicaStep, Tensors
from img2imgkit.training.plan.training_options import TrainingOptions


class Trainer:
    """The state of a training (networks, optimizers, average), and the step that updates it.

    The caller counts the steps. Learning rates and the decay of the average are computed from the step, so the
    variables in ``state`` are the whole state.
    """

    def __init__(
        self,
        task: Task,
        options: TrainingOptions,
        strategy: tf.distribute.Strategy,
        global_batch: int,
        example: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Build the networks and optimizers; ``example`` is any batch, and required by tasks with a history.

        Raises:
            TrainingError: the batch cannot be split over the devices, or the options do not fit the task.
        """
        self.task, self.options, self.strategy, self.global_batch = task, options, strategy, global_batch
        self.replicas = strategy.num_replicas_in_sync
        _prove_divisible(global_batch, self.replicas, options.micro_batches)
        keras.utils.set_random_seed(options.seed)
        with strategy.scope(), _Precision(options.precision):
            self.nets = _all_networks(task)
            self.players = players_of(task, self.nets, options)
            self.average = Average(self.nets, task.build(), options.ema) if options.ema else None
            self.histories = self._new_histories(example)
        self._objective = Objective(task, global_batch)
        self._prove_stages()
        self._graphs: dict[Moves, Any] = {}

    @property
    def result(self) -> Networks:
        """The networks to translate with: the averaged ones, if there is an average."""
        return self.average.networks if self.average else self.nets

    @property
    def parameters(self) -> Mapping[str, int]:
        """The number of trainable parameters of each player."""
        return {name: sum(int(np.prod(v.shape)) for v in player.variables) for name, player in self.players.items()}

    @property
    def state(self) -> dict[str, Any]:
        """All variables needed to resume, under stable names."""
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
        """The rows of the global batch that this process passes to ``step``: all of them on a single machine."""
        resolver = self.strategy.cluster_resolver
        spec = resolver.cluster_spec().as_dict() if resolver else {}
        workers = sum(len(hosts) for job, hosts in spec.items() if job in ("chief", "worker"))
        if workers < 2:
            return range(self.global_batch)
        each = self.global_batch // workers
        number = resolver.task_id + (1 if "chief" in spec and resolver.task_type == "worker" else 0)
        return range(number * each, (number + 1) * each)

    def rates(self, step: int) -> dict[str, float]:
        """Set the learning rates of a step, and return them by player."""
        first, stage = self.options.stage_at(step)
        return {
            name: player.set_rate(step - first, stage.steps, stage.rates.get(name, 1.0))  # type: ignore[call-overload]
            for name, player in self.players.items()
        }

    def step(self, step: int, batch: Mapping[str, np.ndarray]) -> Tensors:
        """Update every player that moves in this step.

        Args:
            batch: the ``rows`` of the global batch

        Returns:
            scalars, not yet fetched from the device: the mean of each term; for each player ``<player>_total``,
            the gradient norm ``<player>_gradient`` and, with float16, the loss scale ``<player>_scale``; and
            ``finite``, which is 1 if all gradients were finite.
        """
        moves = moves_at(self.players, self.options, step)
        if not moves.players:
            return {"finite": tf.constant(1.0)}
        logs: Tensors = self._graph(moves)(self._split(batch), tf.constant(step, tf.int64))
        return logs

    def trace(self, batch: Mapping[str, np.ndarray]) -> None:
        """Trace each kind of step without computing it: whatever a step would raise for its shapes is raised now.

        Args:
            batch: as for ``step``
        """
        for moves in dict.fromkeys(moves_at(self.players, self.options, step) for step in self._kinds_of_steps()):
            if moves.players:
                self._graph(moves).get_concrete_function(self._split(batch), tf.constant(0, tf.int64))

    def _kinds_of_steps(self) -> Iterator[int]:
        """Steps that include each kind: as many from the start of each stage as it takes until moves repeat."""
        options, first = self.options, 0
        period = math.lcm(options.generators.every, options.critics.every * options.critics.penalty_every)
        for length in [stage.steps for stage in options.stages] or [options.length]:
            yield from range(first, first + min(period, length))
            first += length

    def _graph(self, moves: Moves) -> Any:
        return self._graphs.setdefault(moves, tf.function(partial(self._distributed, moves), autograph=False))

    def _split(self, batch: Mapping[str, np.ndarray]) -> Any:
        """Split the batch into one slice per replica."""
        if self.replicas == 1:
            return {key: tf.constant(value) for key, value in batch.items()}
        each, first = self.global_batch // self.replicas, self.rows.start

        def own_slice(context: Any) -> Any:
            begin = context.replica_id_in_sync_group * each - first
            return {key: tf.constant(value[begin : begin + each]) for key, value in batch.items()}

        return self.strategy.experimental_distribute_values_from_function(own_slice)

    def _distributed(self, moves: Moves, batch: Any, step: Any) -> Tensors:
        with self._fast_on_cpus():
            shares = self.strategy.run(self._replica_step, args=(batch, step, moves))
        return {
            key: self.strategy.reduce(tf.distribute.ReduceOp.SUM, share, axis=None) for key, share in shares.items()
        }

    def _fast_on_cpus(self) -> AbstractContextManager[None]:
        if any("GPU" in device for device in self.strategy.extended.worker_devices):
            return nullcontext()
        groups = (self.nets.generators, self.nets.critics, self.nets.frozen)
        return fast_convolutions(net for group in groups for net in group.values())

    def _replica_step(self, batch: Any, step: Any, moves: Moves) -> Tensors:
        prepared = dict(self.task.prepare(batch))
        every = self.options.critics.penalty_every
        recall = _Recall(self.histories, self.options.seed, step, self.global_batch)
        replica = ReplicaStep(self.task, self.nets, self.players, self._objective, moves, every, recall)
        logs = replica.run(_micro_batches(prepared, self.options.micro_batches))
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
        """Create the task's pools; tracing its forward pass yields the shapes of their images."""
        sizes = {key: size for key, size in self.task.history().items() if size}
        if not sizes or not self.nets.critics:
            return {}
        if example is None:
            raise TrainingError(f"task {self.task.name!r}: a history of images requires an example batch")
        given = {key: tf.TensorSpec((1, *value.shape[1:]), value.dtype) for key, value in example.items()}
        traced = tf.function(lambda batch: self.task.forward(self.nets, self.task.prepare(batch)), autograph=False)
        images = traced.get_concrete_function(given).structured_outputs
        unknown = sorted(sizes.keys() - images.keys())
        if unknown:
            raise TrainingError(
                f"task {self.task.name!r}: history() names {unknown[0]!r}, which forward() does not return"
            )
        return {key: History(size, tuple(images[key].shape[1:])) for key, size in sizes.items()}


class _Recall:
    """Replaces a step's generated images by those of their histories, for the critics."""

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


def _all_networks(task: Task) -> Networks:
    """Build all networks for training: the task's own, and frozen ones, which bundles do not contain."""
    nets = task.build()
    return replace(nets, frozen={**nets.frozen, **task.frozen()})


def _prove_divisible(global_batch: int, replicas: int, micro_batches: int) -> None:
    if global_batch % replicas:
        raise TrainingError(f"data.batch: {global_batch} images cannot be divided evenly among {replicas} devices")
    if global_batch // replicas % micro_batches:
        raise TrainingError(
            f"training.micro_batches: the {global_batch // replicas} images of a device cannot be divided into "
            f"{micro_batches} micro-batches"
        )


def _micro_batches(batch: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    if count == 1:
        return [batch]
    split = {key: tf.split(value, count) for key, value in batch.items()}
    return [{key: values[i] for key, values in split.items()} for i in range(count)]


class _Precision:
    """Sets Keras' global dtype policy while networks are built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._previous)
