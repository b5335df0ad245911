"""An exponential moving average (EMA) of the generators' weights, held by networks that can translate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

from img2imgkit.task import Networks


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
