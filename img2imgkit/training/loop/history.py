"""Pools of previously generated images that critics see instead of the latest ones."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class History:
    """A pool of at most ``size`` images, with the semantics of CycleGAN's official ``ImagePool``.

    Until the pool is full, each new image is stored and returned. After that, with a probability of one half, a random
    older image is returned and replaced by the new one; otherwise the new one is returned and not stored. Images are
    processed in the order of the global batch, so the pool does not depend on the number of replicas.
    """

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        self.size = size
        self.images = keras.Variable(tf.zeros, shape=(size, *shape), trainable=False, name="images")
        self.count = keras.Variable(0, trainable=False, dtype="int32", name="count")

    def __call__(self, fresh: Any, chances: Any, choices: Any) -> Any:
        """Return the images that the critics see instead of ``fresh``.

        Shapes:
            fresh: (n, H, W, C), the images of this replica
            chances, choices: (N,) in [0, 1) and (N,) in [0, size), for the global batch
            -> (n, H, W, C), without gradient
        """
        context = tf.distribute.get_replica_context()
        mine, images = fresh.shape[0], tf.stop_gradient(tf.cast(fresh, tf.float32))
        if context.num_replicas_in_sync > 1:
            whole = (mine * context.num_replicas_in_sync, *fresh.shape[1:])
            gathered = context.all_gather(images, axis=0)  # of unknown shape on several machines
            images = tf.ensure_shape(gathered, whole)
        shown = tf.stack([self._one(images[i], chances[i], choices[i]) for i in range(images.shape[0])])
        first = context.replica_id_in_sync_group * mine
        return tf.cast(shown[first : first + mine], fresh.dtype)

    def _one(self, image: Any, chance: Any, choice: Any) -> Any:
        count = self.count.value
        filling = count < self.size
        swaps = tf.logical_and(tf.logical_not(filling), chance > 0.5)
        place = tf.where(filling, count, choice)
        pool = _on_this_device(self.images.value)
        older = tf.gather(pool, place)
        kept = tf.logical_or(filling, swaps)
        with tf.control_dependencies([older]):
            pool.scatter_update(tf.IndexedSlices(tf.where(kept, image, older)[None], place[None]))
        self.count.assign(count + tf.cast(filling, tf.int32))
        return tf.where(swaps, older, image)


def draws(seed: int, step: Any, number: int, images: int, size: int) -> tuple[Any, Any]:
    """Draw the random numbers of one pool for one step; they are the same on every replica.

    Shapes:
        -> chances (images,) float32 in [0, 1), choices (images,) int32 in [0, size)
    """
    first, second = (
        tf.stack([tf.constant(seed * 1009 + 2 * number + i, tf.int64), tf.cast(step, tf.int64)]) for i in (0, 1)
    )
    chances = tf.random.stateless_uniform([images], first)
    return chances, tf.random.stateless_uniform([images], second, 0, size, tf.int32)


def _on_this_device(variable: Any) -> Any:
    """Return this replica's copy of a mirrored variable, which supports writing single rows."""
    handle = getattr(variable, "_get_on_device_or_primary", None)
    return handle() if handle else variable
