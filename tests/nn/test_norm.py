"""Normalization layers: parity with PyTorch, on one device and on two, with higher derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn import BatchNorm, InstanceNorm  # noqa: E402


def images(*shape: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(0).normal(mean, 2.0, shape).astype(np.float32)


def normalized(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


class TestInstanceNorm:
    def test_each_channel_of_each_image_has_mean_0_and_biased_variance_1(self) -> None:
        x = images(3, 5, 7, 2)
        np.testing.assert_allclose(InstanceNorm()(x), normalized(x, (1, 2)), atol=2e-6)

    def test_a_mean_far_above_the_spread_loses_no_precision(self) -> None:
        x = images(1, 32, 32, 2, mean=1000.0)
        np.testing.assert_allclose(InstanceNorm()(x), normalized(x, (1, 2)), atol=2e-4)

    @pytest.mark.parametrize("images_at_once", [1, 2])
    def test_a_large_image_loses_no_precision(self, images_at_once: int) -> None:
        x = images(images_at_once, 320, 400, 2, mean=1.0)
        np.testing.assert_allclose(InstanceNorm()(x), normalized(x, (1, 2)), atol=4e-6)

    @pytest.mark.parametrize("images_at_once", [1, 3])
    def test_a_learned_scale_and_shift_follow(self, images_at_once: int) -> None:
        x, layer = images(images_at_once, 5, 7, 2), InstanceNorm(affine=True)
        np.testing.assert_allclose(layer(x), normalized(x, (1, 2)), atol=2e-6)
        layer.set_weights([np.float32([2, -1]), np.float32([0, 3])])
        np.testing.assert_allclose(layer(x), normalized(x, (1, 2)) * [2, -1] + [0, 3], atol=4e-6)
        assert InstanceNorm.from_config(layer.get_config()).affine

    def test_a_constant_image_becomes_zero(self) -> None:
        np.testing.assert_array_equal(InstanceNorm()(np.full((1, 4, 4, 1), 3.0, np.float32)), np.zeros((1, 4, 4, 1)))

    def test_statistics_are_float32_in_bfloat16(self) -> None:
        x = tf.cast(images(1, 64, 64, 2, mean=3.0), "bfloat16")
        result = InstanceNorm(dtype="mixed_bfloat16")(x)
        assert result.dtype == tf.bfloat16
        wanted = normalized(np.asarray(tf.cast(x, "float32")), (1, 2))
        np.testing.assert_allclose(tf.cast(result, "float32"), wanted, rtol=2**-8, atol=1e-3)

    def test_the_gradient_of_a_gradient_penalty_is_right(self) -> None:
        x = tf.constant(images(1, 3, 4, 2), tf.float64)
        layer = InstanceNorm(dtype="float64")

        def penalty(x: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(backend.input_gradient(lambda x: tf.sin(layer(x)), x) ** 2)

        with tf.GradientTape() as tape:
            tape.watch(x)
            value = penalty(x)
        gradient, direction = tape.gradient(value, x), tf.constant(images(1, 3, 4, 2)[:, ::-1], tf.float64)
        numeric = (penalty(x + 1e-6 * direction) - penalty(x - 1e-6 * direction)) / 2e-6
        assert tf.reduce_sum(gradient * direction).numpy() == pytest.approx(numeric.numpy(), rel=1e-6)


class TestBatchNorm:
    def test_training_uses_batch_statistics_and_updates_the_running_ones_as_torch_does(self) -> None:
        x, layer = images(3, 5, 7, 2, mean=4.0), BatchNorm()
        result = layer(x, training=True)
        gamma = np.asarray(layer.gamma)
        np.testing.assert_allclose(result, normalized(x, (0, 1, 2)) * gamma, atol=2e-6)
        np.testing.assert_allclose(layer.moving_mean, 0.1 * x.mean((0, 1, 2)), rtol=1e-6)
        unbiased = x.astype(np.float64).var((0, 1, 2), ddof=1)
        np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-6)

    def test_inference_uses_the_running_statistics_without_updating_them(self) -> None:
        x, layer = images(3, 4, 4, 2), BatchNorm()
        layer(x)
        values = [np.array(each, np.float32) for each in ([2, -1], [0.5, 3], [1, 2], [4, 0.25])]
        layer.set_weights(values)
        gamma, beta, mean, variance = values
        wanted = (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        np.testing.assert_allclose(layer(x), wanted, atol=2e-5)
        for kept, value in zip(layer.get_weights(), values, strict=True):
            np.testing.assert_array_equal(kept, value)

    def test_image_statistics_make_an_image_independent_of_its_neighbours(self) -> None:
        x, layer = images(3, 5, 7, 2), BatchNorm(statistics="image")
        together = np.asarray(layer(x))
        alone = np.concatenate([layer(x[number : number + 1]) for number in range(3)])
        np.testing.assert_allclose(together, alone, atol=1e-6)
        np.testing.assert_allclose(alone[:1], np.asarray(layer(x[:1], training=True)), atol=1e-6)

    def test_initial_scales_are_near_one(self) -> None:
        layer = BatchNorm()
        layer.build((None, None, None, 4000))
        gamma = np.asarray(layer.gamma)
        assert gamma.mean() == pytest.approx(1.0, abs=0.002)
        assert gamma.std() == pytest.approx(0.02, rel=0.1)

    def test_without_affine_it_only_normalizes(self) -> None:
        x, layer = images(3, 5, 7, 2, mean=4.0), BatchNorm(affine=False)
        np.testing.assert_allclose(layer(x, training=True), normalized(x, (0, 1, 2)), atol=2e-6)
        assert not layer.trainable_weights
        mean, variance = np.array([2, -1], np.float32), np.array([4, 0.25], np.float32)
        layer.set_weights([mean, variance])
        np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(variance + 1e-5), atol=2e-5)
        assert not BatchNorm.from_config(layer.get_config()).affine

    def test_variables_stay_float32_in_mixed_precision(self) -> None:
        layer = BatchNorm(dtype="mixed_bfloat16")
        assert layer(images(1, 4, 4, 2), training=True).dtype == tf.bfloat16
        assert {str(weight.dtype) for weight in layer.weights} == {"float32"}
        assert abs(float(layer.moving_mean.numpy()[0]) - 0.1 * images(1, 4, 4, 2)[..., 0].mean()) < 2e-3

    @pytest.mark.usefixtures("two_cpus")
    def test_two_replicas_compute_what_one_does_with_the_whole_batch(self) -> None:
        x = images(4, 3, 5, 2, mean=1.0)
        weight = images(4, 3, 5, 2)[::-1].copy()

        def step(layer: BatchNorm, x: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(weight * y**3)
            return y, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])

        single = BatchNorm()
        single.build(x.shape)
        y, dx, dgamma, dbeta = step(single, tf.constant(x), tf.constant(weight))
        strategy = backend.mirrored_cpus()
        with strategy.scope():
            double = BatchNorm()
            double.build(x.shape)
        double.gamma.assign(single.gamma.numpy())

        def share(values: np.ndarray) -> tf.Tensor:
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(np.split(values, 2)[context.replica_id_in_sync_group])
            )

        run = tf.function(lambda x, weight: strategy.run(step, (double, x, weight)), autograph=False)
        results = [strategy.experimental_local_results(each) for each in run(share(x), share(weight))]
        np.testing.assert_allclose(np.concatenate(results[0]), y, atol=2e-6)
        np.testing.assert_allclose(np.concatenate(results[1]), dx, atol=2e-4)
        np.testing.assert_allclose(sum(results[2]), dgamma, rtol=1e-4)
        np.testing.assert_allclose(sum(results[3]), dbeta, rtol=1e-4)
        for here, there in zip(single.weights, double.weights, strict=True):
            for copy in strategy.experimental_local_results(there.value):
                np.testing.assert_allclose(copy, here.numpy(), rtol=1e-5)
