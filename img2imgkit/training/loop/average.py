"""The moving average of the generators' weights, kept in networks of its own so that it can translate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

from img2imgkit.task import Networks


class Average:
    """A second set of the task's networks whose generators follow the trained ones.

    The decay rises with the steps, min(decay, (1 + n) / (10 + n)), so that the first weights are soon forgotten.
    """

    def __init__(self, trained: Networks, follower: Networks, decay: float) -> None:
        self.networks = follower
        self._decay = decay
        self._pairs = [
            pair
            for role, net in trained.generators.items()
            for pair in zip(net.weights, follower.generators[role].weights, strict=True)
            if "seed_generator" not in pair[0].path
        ]
        self.restart()

    def restart(self) -> None:
        """Start over from the trained weights as they are now."""
        for source, target in self._pairs:
            target.assign(source)

    def update(self, step: Any) -> None:
        """Move towards the trained weights; call inside the step, after the generators moved. Statistics are copied."""
        count = ops.cast(step, "float32")
        decay = tf.minimum(tf.constant(self._decay, tf.float32), (1 + count) / (10 + count))
        for source, target in self._pairs:
            value = ops.cast(source.value, target.dtype)
            target.assign(target.value * decay + value * (1 - decay) if source.trainable else value)
