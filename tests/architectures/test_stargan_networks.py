"""StarGAN's networks: sizes, labels, initial weights, float32 outputs."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.stargan.network import domain_critic, stargan_generator  # noqa: E402
from img2imgkit.nn import SpectralConv  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def count(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


class TestGenerator:
    @pytest.mark.parametrize("size", [(8, 8), (12, 20)])
    def test_images_keep_their_size(self, size: tuple[int, int]) -> None:
        made = stargan_generator(3, 2, 1, 1)([images(2, *size, 1), np.eye(3, dtype=np.float32)[:2]])
        assert made.shape == (2, *size, 1)
        assert np.abs(made).max() < 1

    def test_the_output_depends_on_the_label(self) -> None:
        model, source = stargan_generator(3, 2, 1), images(1, 16, 16, 3)
        made = [np.asarray(model([source, label[None]])) for label in np.eye(3, dtype=np.float32)]
        assert min(np.abs(made[i] - made[i - 1]).max() for i in range(3)) > 1e-4

    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        assert count(stargan_generator(5)) == 8_430_528

    def test_initial_kernels_are_those_of_pytorch(self) -> None:
        """Uniform up to one over the root of the inputs; of a transposed convolution PyTorch counts its outputs."""
        model = stargan_generator(5, 16, 1)
        for name, inputs in (("stem_conv", 7 * 7 * 8), ("down0_conv", 16 * 16), ("up0_conv", 16 * 32)):
            kernel = np.abs(model.get_layer(name).kernel)
            assert 0.95 < kernel.max() * np.sqrt(inputs) <= 1

    def test_the_image_is_float32_in_bfloat16(self) -> None:
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model, critic = stargan_generator(2, 2, 1), domain_critic((8, 8), 2, 2, 2)
        finally:
            keras.config.set_dtype_policy(policy)
        assert {"float32"} == {output.dtype for output in (*model.outputs, *critic.outputs)}
        assert model([images(1, 8, 8, 3), np.zeros((1, 2), np.float32)]).dtype == tf.float32


class TestCritic:
    def test_it_returns_a_score_map_and_a_logit_for_each_domain(self) -> None:
        scores, logits = domain_critic((32, 32), 5, 2, 3, 1)(images(2, 32, 32, 1))
        assert (scores.shape, logits.shape) == ((2, 4, 4, 1), (2, 5))

    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        assert count(domain_critic((128, 128), 5)) == 44_762_048

    def test_spectral_normalization_is_on_every_convolution(self) -> None:
        model = domain_critic((16, 16), 3, 2, 2, spectral=True)
        assert sum(isinstance(layer, SpectralConv) for layer in model.layers) == 4
        assert not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)
        scores, logits = model(images(2, 16, 16, 3), training=True)
        assert (scores.shape, logits.shape) == ((2, 4, 4, 1), (2, 3))

    @pytest.mark.parametrize("size", [(100, 100), (128, 64)])
    def test_a_size_that_is_no_square_multiple_is_refused(self, size: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match=r"size \(1.*\): expected a square, a multiple of 64"):
            domain_critic(size, 5)

    def test_a_gradient_penalty_reaches_every_kernel_of_the_scores(self) -> None:
        model, x = domain_critic((8, 8), 2, 3, 2), tf.constant(images(2, 8, 8, 3))
        with tf.GradientTape() as tape:
            slope = backend.input_gradient(lambda x: tf.reduce_sum(tf.tanh(model(x)[0])), x)
            penalty = tf.reduce_sum(slope**2)
        kernels = [model.get_layer(name).kernel.value for name in ("conv0", "conv1", "scores")]
        assert all(np.abs(each).max() > 0 for each in tape.gradient(penalty, kernels))
