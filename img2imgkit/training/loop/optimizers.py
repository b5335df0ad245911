"""Keras optimizers from their options, and the one way gradients reach them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from img2imgkit.training.plan.training_options import Adam, AdamW, Optimizer, RmsProp, Sgd


class FusedAdam(keras.optimizers.Adam):
    """Adam with each variable's update as one operation, and epsilon where the paper's algorithm 1 has it.

    Keras adds epsilon to the root of the biased second moment, which in the first steps is up to thirty times as much.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's update; the slots are Keras' own."""
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
    """RMSprop with epsilon beside the root and weight decay in the gradient, as published trainings used it.

    Keras adds epsilon under the root, which holds back small gradients, and takes weight decay off the weights.
    """

    def __init__(self, weight_decay: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.penalty = weight_decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's update; the slots are Keras' own."""
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
    """An optimizer whose slots exist already; under a strategy they could not be made inside the step."""
    optimizer = _made(options)
    optimizer.build(list(variables))
    return optimizer


def _made(options: Optimizer) -> keras.Optimizer:
    match options:
        case AdamW() | Adam():
            return FusedAdam(**options.model_dump(exclude={"kind"}))
        case Sgd():
            return keras.optimizers.SGD(**options.model_dump(exclude={"kind"}))
        case RmsProp():
            return RootMeanSquare(**options.model_dump(exclude={"kind"}))


class LossScale:
    """What a float16 objective is multiplied by, so that small gradients do not vanish.

    Doubled after ``patience`` good steps, halved after one that overflowed (Micikevicius et al. 2017,
    https://arxiv.org/abs/1710.03740, section 3.2).
    """

    def __init__(self, initial: float = 2.0**15, patience: int = 2000) -> None:
        self.scale = keras.Variable(initial, trainable=False, name="scale")
        self.good = keras.Variable(0, trainable=False, dtype="int32", name="good_steps")
        self._patience = patience

    def update(self, finite: Any) -> None:
        """Tell how the step went; 1.0 where all gradients were finite, else 0.0."""
        good = tf.where(finite > 0, self.good.value + 1, 0)
        grows = good >= self._patience
        factor = tf.where(finite > 0, tf.where(grows, 2.0, 1.0), 0.5)
        self.scale.assign(tf.clip_by_value(self.scale.value * factor, 1.0, 2.0**24))
        self.good.assign(tf.where(grows, 0, good))


def reduced_apply(
    parts: Sequence[tuple[keras.Optimizer, Sequence[Any]]],
    gradients: Sequence[Any],
    clip: float | None,
    scale: LossScale | None = None,
) -> tuple[Any, Any]:
    """Sum gradients over the replicas, undo their scale, clip them, and apply them.

    Clipping comes after the sum, so that it does not depend on how many replicas there are. Gradients that are not
    finite are not applied: the weights stay finite, with a scale as they are, and the loop sees the flag.

    Args:
        parts: optimizers, and the variables that each moves; the gradients are in the order of all of them

    Returns:
        1.0 where all were finite, else 0.0; and the norm of all of them together, before it was clipped
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    summed = list(gradients)
    if replicas > 1:
        summed = list(context.all_reduce(tf.distribute.ReduceOp.SUM, summed))
    factor = tf.constant(1.0) if scale is None else 1 / scale.scale.value
    norm = tf.sqrt(2 * tf.add_n([tf.nn.l2_loss(gradient) for gradient in summed])) * factor  # one pass, nothing kept
    finite = tf.math.is_finite(norm)
    if clip is not None:
        factor *= tf.minimum(1.0, clip / tf.maximum(norm, 1e-30))
    untouched = scale is None and clip is None

    def applied() -> Any:
        _apply(parts, summed if untouched else [g * factor for g in summed])
        return tf.no_op()

    if replicas == 1:
        tf.cond(finite, applied, tf.no_op)
    else:  # where optimizers cannot be used inside of a condition; and apply() sums over the replicas once more
        share = tf.where(finite, factor / replicas, 0.0)
        state = [] if scale is None else [each for part in parts for each in _state(*part)]  # else the loop stops
        before = [tf.identity(each.value) for each in state]
        _apply(parts, [tf.where(finite, g * share, tf.zeros_like(g)) for g in summed])
        for each, was in zip(state, before, strict=True):
            each.assign(tf.where(finite, each.value, was))
    flag = tf.cast(finite, tf.float32)
    if scale is not None:
        scale.update(flag)
    return flag, norm


def _apply(parts: Sequence[tuple[keras.Optimizer, Sequence[Any]]], gradients: Sequence[Any]) -> None:
    first = 0
    for optimizer, variables in parts:
        optimizer.apply(list(gradients[first : first + len(variables)]), list(variables))
        first += len(variables)


def _state(optimizer: keras.Optimizer, variables: Sequence[Any]) -> list[Any]:
    """What a move changes."""
    return [*variables, *(each for each in optimizer.variables if each is not optimizer._learning_rate)]
