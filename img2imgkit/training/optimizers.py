"""Keras optimizers from their options, and the one way gradients reach them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from img2imgkit.training.options import Adam, AdamW, Optimizer, RmsProp, Sgd


def build(options: Optimizer, variables: Sequence[Any]) -> keras.Optimizer:
    """An optimizer whose slots exist already; under a strategy they could not be made inside the step."""
    optimizer = _made(options)
    optimizer.build(list(variables))
    return optimizer


def _made(options: Optimizer) -> keras.Optimizer:
    match options:
        case AdamW():
            return keras.optimizers.AdamW(**options.model_dump(exclude={"kind"}))
        case Adam():
            return keras.optimizers.Adam(**options.model_dump(exclude={"kind"}))
        case Sgd():
            return keras.optimizers.SGD(**options.model_dump(exclude={"kind"}))
        case RmsProp():
            return keras.optimizers.RMSprop(**options.model_dump(exclude={"kind"}))


def reduced_apply(
    optimizer: keras.Optimizer, gradients: Sequence[Any], variables: Sequence[Any], clip: float | None
) -> Any:
    """Sum gradients over the replicas, clip them, and apply them; returns 1.0 where all were finite, else 0.0.

    Clipping comes after the sum, so that it does not depend on how many replicas there are. Gradients that are not
    finite are applied as zeros: the weights stay finite until the loop sees the flag and stops.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    summed = list(gradients)
    if replicas > 1:
        summed = list(context.all_reduce(tf.distribute.ReduceOp.SUM, summed))
    if clip is not None:
        summed, _ = tf.clip_by_global_norm(summed, clip)
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in summed])
    # apply() sums over the replicas once more
    shared = [tf.where(finite, gradient / replicas, tf.zeros_like(gradient)) for gradient in summed]
    optimizer.apply(shared, list(variables))
    return tf.cast(finite, tf.float32)
