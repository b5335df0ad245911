"""FUNIT's networks: AdaIN parameters, sizes, initial weights, the critic's gradient penalty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.class_critic.network import class_critic  # noqa: E402
from img2imgkit.architectures.funit.network import adain_decoder, class_encoder, content_encoder, few_shot_generator  # noqa: E402
from img2imgkit.losses import squared_gradient  # noqa: E402
from img2imgkit.nn import AdaptiveInstanceNorm, SpectralConv  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


class TestAdaptiveInstanceNorm:
    @pytest.mark.parametrize("count", [1, 3])
    def test_channels_get_the_given_means_and_deviations(self, count: int) -> None:
        mean, deviation = images(count, 4), 1 + images(count, 4)
        parameters = np.concatenate([mean, deviation], axis=-1)
        y = np.asarray(AdaptiveInstanceNorm()([5 + 3 * images(count, 9, 8, 4), parameters]))
        np.testing.assert_allclose(y.mean((1, 2)), mean, atol=1e-5)
        np.testing.assert_allclose(y.std((1, 2)), deviation, atol=1e-4)

    def test_one_row_of_parameters_is_for_all_pictures(self) -> None:
        x, parameters = images(3, 6, 6, 2), images(1, 4)
        each = AdaptiveInstanceNorm()([x, np.repeat(parameters, 3, axis=0)])
        np.testing.assert_allclose(AdaptiveInstanceNorm()([x, parameters]), each, atol=1e-6)

    def test_half_precision_keeps_its_type(self) -> None:
        layer = AdaptiveInstanceNorm(dtype="mixed_bfloat16")
        assert layer([images(2, 4, 4, 2), images(2, 4)]).dtype == tf.bfloat16


class TestGenerator:
    @pytest.mark.parametrize(("downs", "size"), [(1, (4, 6)), (2, (8, 20)), (3, (16, 40))])
    def test_output_sizes_equal_input_sizes(self, downs: int, size: tuple[int, int]) -> None:
        model = few_shot_generator(3, downs, 2, 1, 2, 4, 2, channels=1)
        y = np.asarray(model([images(2, *size, 1), images(3, 9, 12, 1)]))
        assert y.shape == (2, *size, 1)
        assert np.abs(y).max() < 1

    def test_codes_of_several_class_images_are_averaged(self) -> None:
        model, content, pictures = few_shot_generator(3, 1, 2, 1, 2, 4, 2), images(1, 8, 8, 3), images(3, 8, 8, 3)
        code = np.asarray(model.get_layer("class_encoder")(pictures)).mean(0, keepdims=True)
        encoded = model.get_layer("content_encoder")(content)
        wanted = model.get_layer("adain_decoder")([encoded, tf.constant(code)])
        np.testing.assert_allclose(model([content, pictures]), wanted, atol=1e-6)

    def test_content_is_invariant_to_brightness_and_contrast(self) -> None:
        model, x = content_encoder(1, 1, 3), images(1, 16, 16, 3)
        np.testing.assert_allclose(model(0.3 * x + 0.1), model(x), atol=2e-3)  # epsilon counts a little

    def test_a_class_code_is_the_mean_over_positions(self) -> None:
        model, x = class_encoder(5, 2, 3), images(2, 32, 48, 3)
        code = np.asarray(model(x))
        assert code.shape == (2, 5)
        assert np.abs(code - np.asarray(model(0.3 * x))).max() > 1e-2

    def test_initial_kernels_keep_the_variance_and_biases_are_zero(self) -> None:
        model = adain_decoder(16, 64, 3, 2, 1, 128)
        for layer, inputs in (("block0_0_conv", 9 * 64), ("up0_conv", 25 * 64), ("mlp1", 128), ("last_conv", 49 * 32)):
            kernel, bias = model.get_layer(layer).get_weights()
            assert kernel.std() == pytest.approx((2 / inputs) ** 0.5, rel=0.05)
            assert not bias.any()

    def test_the_last_convolution_is_float32_under_half_precision(self) -> None:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            models: list[Any] = [few_shot_generator(3, 1, 2, 1, 2, 4, 2), class_critic(2, 2, 2)]
        finally:
            keras.config.set_dtype_policy(before)
        assert models[0]([images(1, 8, 8, 3), images(1, 8, 8, 3)]).dtype == tf.float32
        assert {each.dtype for each in models[1]([images(1, 8, 8, 3), np.int32([0])])} == {tf.float32}


class TestClassCritic:
    @pytest.mark.parametrize(
        ("blocks", "size", "left"), [(2, (4, 5), (4, 5)), (4, (8, 9), (4, 5)), (8, (16, 30), (2, 4))]
    )
    def test_each_pair_of_blocks_but_the_last_downsamples(self, blocks: int, size: Any, left: Any) -> None:
        scores, features = class_critic(3, 2, blocks)([images(2, *size, 3), np.int32([0, 2])])
        assert scores.shape == (2, *left, 1)
        assert features.shape == (2, *left, 2 * 2 ** (blocks // 2))

    def test_the_score_is_that_of_the_images_class(self) -> None:
        model, x = class_critic(3, 2, 2), np.repeat(images(1, 8, 8, 3), 3, axis=0)
        scores, _ = model([x, np.int32([0, 1, 2])])
        kernel, _ = model.get_layer("last_conv").get_weights()
        model.get_layer("last_conv").set_weights([kernel * np.float32([1, 0, 1]), np.float32([0, 7, 0])])
        again, _ = model([x, np.int32([0, 1, 2])])
        np.testing.assert_allclose(again[1], np.full((8, 8, 1), 7), atol=1e-6)
        np.testing.assert_allclose(again[::2], scores[::2], atol=1e-6)

    @pytest.mark.slow
    def test_channels_stop_at_1024(self) -> None:
        assert class_critic(1, 512, 4).get_layer("last_conv").kernel.shape == (1, 1, 1024, 1)

    def test_an_odd_number_of_blocks_is_refused(self) -> None:
        with pytest.raises(ValueError, match="blocks is 3: expected an even number"):
            class_critic(2, blocks=3)

    def test_spectral_normalization_is_on_every_convolution(self) -> None:
        model = class_critic(2, 2, 4, spectral=True)
        assert sum(isinstance(layer, SpectralConv) for layer in model.layers) == 12
        assert not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)

    def test_the_gradient_of_its_slope_is_that_of_finite_differences(self) -> None:
        """Through paddings, poolings and leaky activations; this is what the penalty trains by."""
        keras.utils.set_random_seed(0)
        model = class_critic(2, 2, 4)
        x, label = tf.constant(images(2, 8, 8, 3)), tf.constant([0, 1])

        def penalty() -> Any:
            return tf.reduce_sum(squared_gradient(lambda seen: model([seen, label])[0], x))

        kernels = [variable for variable in model.trainable_variables if len(variable.shape) == 4]
        with tf.GradientTape() as tape:
            value = penalty()
        gradients = tape.gradient(value, [kernel.value for kernel in kernels])
        for kernel, gradient in zip(kernels, gradients, strict=True):
            assert gradient is not None, kernel.path
            was, direction = kernel.numpy(), np.asarray(gradient) / np.linalg.norm(gradient)
            ends = []
            for sign in (1, -1):
                kernel.assign(was + sign * 1e-4 * direction)
                ends.append(float(penalty()))
            kernel.assign(was)
            assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(float(np.linalg.norm(gradient)), rel=2e-2), kernel.path
