"""Build Keras optimizers and learning-rate schedules from options, and apply gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from img2imgkit.training.plan.training_options import (
    Adam,
    AdamW,
    Constant,
    Cosine,
    Linear,
    Optimizer,
    RmsProp,
    Schedule,
    Sgd,
    StepDecay,
)


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


class FusedAdam(keras.optimizers.Adam):
    """Adam with one fused operation per variable, and epsilon as in algorithm 1 of the paper.

    Keras adds epsilon to the root of the biased second moment, which makes its effect up to 30 times larger at first.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; the slots are those of Keras."""
        index = self._get_variable_index(variable)
        count = tf.cast(self.iterations + 1, tf.float32)
        powers = [tf.pow(tf.constant(beta, tf.float32), count) for beta in (self.beta_1, self.beta_2)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon * tf.sqrt(1 - powers[1]),
            grad=tf.cast(gradient, tf.float32),
        )


class RootMeanSquare(keras.optimizers.RMSprop):
    """RMSprop as in PyTorch: epsilon is added to the root, and weight decay to the gradient.

    Keras adds epsilon under the root, which damps small gradients, and decouples weight decay.
    """

    def __init__(self, weight_decay: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.penalty = weight_decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; the slots are those of Keras."""
        index = self._get_variable_index(variable)
        squares = self._velocities[index]
        gradient = tf.cast(gradient, variable.dtype) + self.penalty * tf.convert_to_tensor(variable)
        mean = self.rho * tf.convert_to_tensor(squares.value) + (1 - self.rho) * tf.square(gradient)
        self.assign(squares, mean)
        move = gradient / (tf.sqrt(mean) + self.epsilon)
        if self.momentum > 0:
            momentum = self._momentums[index]
            move += self.momentum * tf.convert_to_tensor(momentum.value)
            self.assign(momentum, move)
        self.assign_sub(variable, tf.cast(learning_rate, variable.dtype) * move)


def build(options: Optimizer, variables: Sequence[Any]) -> keras.Optimizer:
    """Create an optimizer and its slots, which cannot be created inside a distributed step."""
    optimizer = _create(options)
    optimizer.build(list(variables))
    return optimizer


def _create(options: Optimizer) -> keras.Optimizer:
    match options:
        case AdamW() | Adam():
            return FusedAdam(**options.model_dump(exclude={"kind"}))
        case Sgd():
            return keras.optimizers.SGD(**options.model_dump(exclude={"kind"}))
        case RmsProp():
            return RootMeanSquare(**options.model_dump(exclude={"kind"}))


class LossScale:
    """The dynamic loss scale of float16 training, which keeps small gradients from underflowing.

    Doubled after ``patience`` finite steps, halved after an overflow (Micikevicius et al. 2017,
    https://arxiv.org/abs/1710.03740, section 3.2).
    """

    def __init__(self, initial: float = 2.0**15, patience: int = 2000) -> None:
        self.scale = keras.Variable(initial, trainable=False, name="scale")
        self.good = keras.Variable(0, trainable=False, dtype="int32", name="good_steps")
        self._patience = patience

    def update(self, finite: Any) -> None:
        """Adapt the scale to a step; ``finite`` is 1.0 if all gradients were finite, else 0.0."""
        good = tf.where(finite > 0, self.good.value + 1, 0)
        grows = good >= self._patience
        factor = tf.where(finite > 0, tf.where(grows, 2.0, 1.0), 0.5)
        self.scale.assign(tf.clip_by_value(self.scale.value * factor, 1.0, 2.0**24))
        self.good.assign(tf.where(grows, 0, good))


def apply_gradients(
    groups: Sequence[tuple[keras.Optimizer, Sequence[Any]]],
    gradients: Sequence[Any],
    clip: float | None,
    scale: LossScale | None = None,
) -> tuple[Any, Any]:
    """Sum gradients over the replicas, unscale, clip and apply them.

    Clipping follows the sum, so it does not depend on the number of replicas. Gradients that are not finite are not
    applied: the weights stay finite, with a loss scale even unchanged, and the returned flag reports it.

    Args:
        groups: each optimizer with the variables that it updates; the gradients are in this order

    Returns:
        1.0 if all gradients were finite, else 0.0; and their global norm before clipping
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    summed = list(gradients)
    if replicas > 1:
        summed = list(context.all_reduce(tf.distribute.ReduceOp.SUM, summed))
    factor = tf.constant(1.0) if scale is None else 1 / scale.scale.value
    norm = tf.sqrt(2 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in summed])) * factor  # one pass, no copies
    finite = tf.math.is_finite(norm)
    if clip is not None:
        factor *= tf.minimum(1.0, clip / tf.maximum(norm, 1e-30))
    untouched = scale is None and clip is None

    def applied() -> Any:
        _apply(groups, summed if untouched else [g * factor for g in summed])
        return tf.no_op()

    if replicas == 1:
        tf.cond(finite, applied, tf.no_op)
    else:  # optimizers cannot run inside a condition here, and apply() sums over the replicas again
        share = tf.where(finite, factor / replicas, 0.0)
        # Without a loss scale the training stops on overflow, so its state need not be restored.
        state = [] if scale is None else [each for group in groups for each in _state(*group)]
        before = [tf.identity(each.value) for each in state]
        _apply(groups, [tf.where(finite, g * share, tf.zeros_like(g)) for g in summed])
        for each, was in zip(state, before, strict=True):
            each.assign(tf.where(finite, each.value, was))
    flag = tf.cast(finite, tf.float32)
    if scale is not None:
        scale.update(flag)
    return flag, norm


def _apply(groups: Sequence[tuple[keras.Optimizer, Sequence[Any]]], gradients: Sequence[Any]) -> None:
    first = 0
    for optimizer, variables in groups:
        optimizer.apply(list(gradients[first : first + len(variables)]), list(variables))
        first += len(variables)


def _state(optimizer: keras.Optimizer, variables: Sequence[Any]) -> list[Any]:
    """Return the variables that an update changes."""
    return [*variables, *(each for each in optimizer.variables if each is not optimizer._learning_rate)]
