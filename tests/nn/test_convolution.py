"""Spectral normalization, transposed convolution, initializers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.nn import SpectralConv, TransposedConv, initializer  # noqa: E402
from img2imgkit.nn.layers import DepthwiseConv  # noqa: E402

FIXTURES = Path(__file__).parents[1] / "fixtures"


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def built(channels: int = 3, **options: Any) -> SpectralConv:
    keras.utils.set_random_seed(3)  # fresh vectors that happen to give a sigma near 0 would magnify rounding
    layer = SpectralConv(**{"filters": 5, "kernel_size": 4, **options})
    layer.build((None, None, None, channels))
    return layer


def matrix(layer: SpectralConv) -> np.ndarray:
    return layer.kernel.numpy().reshape(-1, layer.filters).astype(np.float64)


class TestSpectralConv:
    @pytest.mark.parametrize("training", [False, True])
    def test_it_is_a_convolution_with_the_kernel_divided_by_sigma(self, training: bool) -> None:
        layer, x = built(strides=2, padding="same"), images(2, 8, 6, 3)
        result = layer(x, training=training)
        sigma = (layer.v.numpy() @ matrix(layer) @ layer.u.numpy().T).item()  # of the vectors after the pass
        wanted = tf.nn.conv2d(x, layer.kernel.value / np.float32(sigma), 2, "SAME") + layer.bias.value
        np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-5)
        assert result.shape == layer.compute_output_shape(x.shape)

    def test_inference_does_not_update_the_vectors(self) -> None:
        layer = built()
        before = layer.u.numpy(), layer.v.numpy()
        layer(images(1, 6, 6, 3))
        np.testing.assert_array_equal(before[0], layer.u.numpy())
        np.testing.assert_array_equal(before[1], layer.v.numpy())

    def test_initial_vectors_have_unit_length(self) -> None:
        layer = built()
        assert [np.linalg.norm(each.numpy()) for each in (layer.u, layer.v)] == pytest.approx([1, 1])

    def test_training_finds_the_largest_singular_value(self) -> None:
        layer, x = built(padding="same"), images(1, 4, 4, 3)
        for _ in range(60):
            layer(x, training=True)
        sigma = (layer.v.numpy() @ matrix(layer) @ layer.u.numpy().T).item()
        assert sigma == pytest.approx(np.linalg.svd(matrix(layer), compute_uv=False)[0], rel=1e-4)

    def test_one_pass_updates_the_vectors_as_torch_does(self) -> None:
        with np.load(FIXTURES / "spectral_norm.npz") as stored:
            kernel = stored["weight_orig"].transpose(2, 3, 1, 0)
            height, width, channels, filters = kernel.shape

            def ours(v: np.ndarray) -> np.ndarray:
                return v.reshape(channels, height, width).transpose(1, 2, 0).reshape(1, -1)

            layer = built(channels, filters=filters, use_bias=False)
            layer.set_weights([kernel, stored["weight_u"][None], ours(stored["weight_v"])])
            layer(images(1, 6, 6, channels), training=True)
            np.testing.assert_allclose(layer.u.numpy()[0], stored["weight_u_after"], atol=1e-6)
            np.testing.assert_allclose(layer.v.numpy(), ours(stored["weight_v_after"]), atol=1e-6)

    def test_the_gradient_goes_through_sigma_but_not_through_the_vectors(self) -> None:
        layer, x = built(dtype="float64"), images(1, 6, 6, 3).astype(np.float64)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
        gradient = tape.gradient(loss, layer.kernel.value)
        kernel, direction = layer.kernel.numpy(), images(*layer.kernel.shape)
        moved = []
        for step in (1e-6, -1e-6):
            layer.kernel.assign(kernel + step * direction)
            moved.append(tf.reduce_sum(tf.sin(layer(x))).numpy())  # the same vectors
        assert np.sum(gradient * direction) == pytest.approx((moved[0] - moved[1]) / 2e-6, rel=1e-5)

    def test_sigma_is_float32_in_bfloat16(self) -> None:
        x = images(1, 6, 6, 3)
        layer = built(dtype="mixed_bfloat16")
        twin = built()
        twin.set_weights(layer.get_weights())
        assert layer(x, training=True).dtype == tf.bfloat16
        twin(x, training=True)
        np.testing.assert_array_equal(layer.u.numpy(), twin.u.numpy())

    def test_it_is_rebuilt_from_its_configuration(self) -> None:
        layer = built(strides=2, padding="same", use_bias=False)
        again = SpectralConv.from_config(layer.get_config())
        again.build((None, None, None, 3))
        again.set_weights(layer.get_weights())
        np.testing.assert_array_equal(again(images(1, 6, 6, 3)), layer(images(1, 6, 6, 3)))

    @pytest.mark.usefixtures("two_cpus")
    def test_two_replicas_keep_the_same_vectors_as_one(self) -> None:
        x, single = images(2, 6, 6, 3), built()
        strategy = backend.mirrored_cpus()
        with strategy.scope():
            double = built()
        double.set_weights(single.get_weights())
        wanted = single(x, training=True)
        share = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(x[context.replica_id_in_sync_group :][:1])
        )
        run = tf.function(lambda x: strategy.run(lambda x: double(x, training=True), (x,)), autograph=False)
        parts = strategy.experimental_local_results(run(share))
        np.testing.assert_allclose(np.concatenate(parts), wanted, atol=1e-5)
        for copy in strategy.experimental_local_results(double.u.value):
            np.testing.assert_allclose(copy, single.u.numpy(), atol=1e-6)


class TestTransposedConv:
    def test_the_middle_of_the_kernel_keeps_even_pixels_in_place(self) -> None:
        """PyTorch: pixel i spreads over 2 * i - 1, 2 * i and 2 * i + 1; what lies at -1 is cut off."""
        layer = TransposedConv(1)
        layer.build((None, None, None, 1))
        layer.kernel.assign(np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1, 1))
        x = np.zeros((1, 3, 4, 1), np.float32)
        x[0, 0, 2] = 1
        result = np.asarray(layer(x))[0, ..., 0]
        assert result.shape == (6, 8)
        np.testing.assert_array_equal(result[:2, 3:6], [[4, 5, 6], [7, 8, 9]])
        assert np.count_nonzero(result) == 6

    def test_it_survives_serialisation(self) -> None:
        layer = TransposedConv(2, use_bias=False)
        again = TransposedConv.from_config(layer.get_config())
        assert again(images(1, 3, 4, 2)).shape == (1, 6, 8, 2)
        assert len(again.weights) == 1


@pytest.mark.parametrize(("init", "spread"), [("normal", 0.02), ("xavier", 0.02 * np.sqrt(2 / (16 * (64 + 32))))])
def test_initial_kernels_have_the_official_spread(init: Any, spread: float) -> None:
    layer = keras.layers.Conv2D(32, 4, kernel_initializer=initializer(init))
    layer.build((None, None, None, 64))
    kernel = layer.kernel.numpy()
    assert kernel.std() == pytest.approx(spread, rel=0.02)
    assert np.abs(kernel).max() > 3 * spread  # not truncated


@pytest.mark.parametrize(("size", "made"), [((8, 9), (2, 2)), ((11, 4), (2, 1)), ((3, 1), (1, 1))])
def test_a_depthwise_convolution_with_strides_has_no_padding_but_for_small_maps(
    size: tuple[int, int], made: tuple[int, int]
) -> None:
    layer, x = DepthwiseConv(4, strides=4), images(2, *size, 3)
    layer.build(x.shape)
    layer.bias.assign([1.0, 2.0, 3.0])
    padded = np.pad(x, ((0, 0), *((0, max(0, 4 - side)) for side in size), (0, 0)))[:, : 4 * made[0], : 4 * made[1]]
    blocks = padded.reshape(2, made[0], 4, made[1], 4, 3)
    wanted = np.einsum("nhawbc,abc->nhwc", blocks, np.asarray(layer.kernel)[:, :, 0]) + np.asarray(layer.bias)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    for found in (layer(x), run(x)):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == (2, *made, 3)
    assert layer.compute_output_shape((None, None, None, 3)) == (None, None, None, 3)
