"""Resizing: PyTorch's bilinear interpolation, at sizes known only at run time, with higher derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn.layers.resizing import BilinearUp, Repeated, ResizedLike, ResizedTo, bilinear  # noqa: E402

X = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [(5, 7), (10, 14), (3, 20), (1, 1), (13, 4)], ids=str)
def test_it_is_bilinear_with_half_pixel_centres(size: tuple[int, int]) -> None:
    np.testing.assert_allclose(ResizedTo(*size)(X), tf.image.resize(X, size), atol=2e-6)


def test_the_same_size_comes_back_bit_for_bit() -> None:
    np.testing.assert_array_equal(bilinear(X, 5, 7), X)
    np.testing.assert_array_equal(ResizedLike()([X, X[..., :1]]), X)


def test_sizes_may_be_known_only_at_run_time() -> None:
    layer = ResizedLike()
    spec = tf.TensorSpec((None, None, None, 3))
    run = tf.function(lambda x, other: layer([x, other]), input_signature=[spec, spec], autograph=False)
    np.testing.assert_allclose(run(X, np.zeros((2, 9, 4, 3), np.float32)), tf.image.resize(X, (9, 4)), atol=2e-6)


def test_second_derivatives_exist() -> None:
    x = tf.constant(X[:1, :, :, :1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        inner = backend.input_gradient(lambda x: bilinear(x, 8, 3) ** 3, x)
        loss = tf.reduce_sum(inner**2)
    assert float(tf.reduce_max(tf.abs(tape.gradient(loss, x)))) > 0


def test_layers_are_rebuilt_from_their_config() -> None:
    layer = ResizedTo(4, 6)
    assert ResizedTo.from_config(layer.get_config()).compute_output_shape((None, 3, 3, 2)) == (None, 4, 6, 2)


def test_repeated_pixels_are_the_nearest_ones():
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 5)).astype(np.float32)
    for factor in (2, 3):
        expected = x.repeat(factor, axis=1).repeat(factor, axis=2)
        np.testing.assert_array_equal(np.asarray(Repeated(factor)(x)), expected)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bilinear_enlargement_is_that_of_the_general_one(scale: int) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (2, 4, 8, 3)).astype(np.float32)
    layer = BilinearUp.from_config(BilinearUp(scale).get_config())
    assert layer.compute_output_shape((None, 4, None, 3)) == (None, 4 * scale, None, 3)
    np.testing.assert_allclose(layer(x), bilinear(x, 4 * scale, 8 * scale), atol=1e-6)
    one = np.full((1, 1, 1, 2), 0.3, np.float32)
    np.testing.assert_allclose(layer(one), np.full((1, scale, scale, 2), 0.3), atol=1e-7)
