"""The mean over an object: its pixels in its image alone, and their gradients."""

from __future__ import annotations

import numpy as np

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn.layers import InstanceMean  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_an_object_gets_its_mean_within_its_image() -> None:
    values, ids = images(2, 3, 4, 2), np.random.default_rng(1).choice([-7, 0, 26001, 2**24 + 1], (2, 3, 4, 1))
    result = np.asarray(InstanceMean()([tf.constant(values), tf.constant(ids, "int32")]))
    for image in range(2):
        for each in np.unique(ids):
            inside = ids[image, ..., 0] == each
            np.testing.assert_allclose(
                result[image][inside], np.broadcast_to(values[image][inside].mean(0), (inside.sum(), 2)), atol=1e-6
            )


def test_each_pixel_gets_its_share_of_the_gradient() -> None:
    values, ids = tf.constant(images(1, 2, 2, 1)), tf.constant([[[[5], [5]], [[5], [9]]]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(InstanceMean()([values, ids]) * tf.constant([[[[1.0], [2]], [[3], [4]]]]))
    np.testing.assert_allclose(tape.gradient(total, values)[0, ..., 0], [[2, 2], [2, 4]], rtol=1e-6)
