"""SPADE's networks: sizes, modulation, receptive radius; codes at other sizes than in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures import NetworkSpec, Spade, StyleEncoder  # noqa: E402
from img2imgkit.architectures.spade.network import spade_generator, style_encoder  # noqa: E402
from img2imgkit.nn.layers.spade import Sampled, spade  # noqa: E402


def label_maps(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, shape).astype(np.float32)


def parameters(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def lively(model: keras.Model) -> keras.Model:
    """The network with weights through which every input shows."""
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        fan = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 100
        variable.assign(random.normal(0, 1 / np.sqrt(fan), variable.shape))
    return model


class TestSpade:
    def test_it_is_normalization_times_one_plus_gamma_plus_beta(self) -> None:
        x, labels = keras.Input((None, None, 3)), keras.Input((None, None, 2))
        model = lively(keras.Model([x, labels], spade(x, labels, 3, "instance", "here")))
        features, seen = np.random.default_rng(2).normal(3, 2, (2, 5, 6, 3)).astype(np.float32), label_maps(2, 5, 6, 2)
        hidden = model.get_layer("here_shared")(seen)
        gamma, beta = np.split(np.asarray(model.get_layer("here_modulation")(hidden)), 2, axis=-1)
        mean, variance = (getattr(features, name)((1, 2), keepdims=True) for name in ("mean", "var"))
        wanted = (features - mean) / np.sqrt(variance + 1e-5) * (1 + gamma) + beta
        np.testing.assert_allclose(model([features, seen]), wanted, atol=1e-5)

    def test_initial_kernels_spread_as_the_official_ones_of_gamma_and_beta(self) -> None:
        x, labels = keras.Input((None, None, 64)), keras.Input((None, None, 2))
        model = keras.Model([x, labels], spade(x, labels, 3, "batch", "here"))
        kernel = np.asarray(model.get_layer("here_modulation").kernel)
        assert kernel.shape == (3, 3, 128, 128)
        assert kernel.std() == pytest.approx(0.02 * np.sqrt(2 / (9 * (128 + 64))), rel=0.02)

    def test_the_nearest_label_is_the_first_of_its_block(self) -> None:
        x = np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1)
        np.testing.assert_array_equal(np.asarray(Sampled(4)(x))[0, :, :, 0], [[0, 4], [32, 36]])


class TestGenerator:
    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        with keras.StatelessScope(initialize_variables=False):
            model = spade_generator()
        assert parameters(model) == 93_048_003

    @pytest.mark.parametrize(("upsampling", "unit"), [("normal", 32), ("more", 64), ("most", 128)])
    def test_output_sizes_equal_input_sizes(self, upsampling: Any, unit: int) -> None:
        model = spade_generator(2, 2, kernel_size=1, upsampling=upsampling)
        image = np.asarray(model(label_maps(1, unit, 2 * unit, 2), training=True))
        assert image.shape == (1, unit, 2 * unit, 3)
        assert 0 < np.abs(image).max() < 1

    def test_a_code_is_mapped_to_the_trained_size_and_resized_for_others(self) -> None:
        model = lively(spade_generator(2, 1, "instance", False, 1, code=4, size=(32, 64)))
        code = np.array([[1.0, -1.0, 0.5, 2.0]], np.float32)
        head = keras.Model(model.inputs, model.get_layer("head_map").output)
        trained = np.asarray(head([label_maps(1, 32, 64, 2), code]))
        wanted = np.asarray(model.get_layer("fc")(code)).reshape(1, 16, 1, 2).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(trained, wanted)
        larger = np.asarray(head([label_maps(1, 64, 128, 2), code]))
        wanted = np.asarray(tf.image.resize(trained, (2, 4)))
        np.testing.assert_allclose(larger, wanted, atol=1e-6)
        assert np.isfinite(model([label_maps(1, 64, 32, 2), code])).all()

    def test_the_output_depends_on_the_code(self) -> None:
        model = lively(spade_generator(2, 1, "instance", False, 1, code=4, size=(64, 64)))
        codes = np.array([[1, -1, 0.5, 2], [-1, 0, 1, 1]], np.float32)
        first, second = np.asarray(model([np.repeat(label_maps(1, 64, 64, 2), 2, axis=0), codes]))
        assert np.abs(first - second).max() > 1e-3

    def test_the_last_layers_are_float32_in_mixed_precision(self) -> None:
        before = keras.mixed_precision.dtype_policy()
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
        try:
            model = spade_generator(2, 1, kernel_size=1, code=2, size=(32, 32))
        finally:
            keras.mixed_precision.set_dtype_policy(before)
        image = model([label_maps(1, 64, 64, 2), np.ones((1, 2), np.float32)], training=True)
        assert image.dtype == tf.float32
        assert model.get_layer("up_3_conv_1").compute_dtype == "bfloat16"


class TestSpec:
    @pytest.mark.parametrize(
        ("spec", "problem"),
        [
            (NetworkSpec(norm="none"), "norm: SPADE needs the norm 'batch' or 'instance', not 'none'"),
            (NetworkSpec(code=8), "size: a style code needs the height and width of training pictures"),
            (NetworkSpec(code=8, size=(64, 96)), "size: 96 is not a multiple of 64, as upsampling 'more' needs"),
            (NetworkSpec(code=8, size=(0, 64)), "size: 0 is not a multiple of 64, as upsampling 'more' needs"),
            (NetworkSpec(code=8, size=(64, 128)), ""),
            (NetworkSpec(size=(64, 96)), ""),
        ],
    )
    def test_a_style_code_needs_a_size_that_fits(self, spec: NetworkSpec, problem: str) -> None:
        assert Spade(upsampling="more").problem(spec) == problem

    def test_the_last_block_needs_a_filter(self) -> None:
        assert Spade(upsampling="most", width=2).width == 2
        with pytest.raises(ValueError, match="width: upsampling 'most' needs 2 at least"):
            Spade(upsampling="most", width=1)

    def test_a_style_encoder_needs_the_length_of_its_code(self) -> None:
        assert StyleEncoder().problem(NetworkSpec()).startswith("code: a style encoder needs the length")
        assert StyleEncoder().problem(NetworkSpec(code=8)) == ""

    @pytest.mark.parametrize("size", [None, (32, 48)])
    def test_a_network_with_a_code_is_not_built_for_another_size(self, size: Any) -> None:
        with pytest.raises(ValueError, match="a style code needs the size of training images, multiples of 32"):
            spade_generator(2, 1, code=4, size=size)


class TestStyleEncoder:
    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        assert parameters(style_encoder(64)) == 10_463_424

    def test_inputs_of_any_size_are_resized(self) -> None:
        model = lively(style_encoder(2, 5))
        picture = np.random.default_rng(0).uniform(-1, 1, (1, 70, 300, 3)).astype(np.float32)
        once = model(picture)
        again = model(tf.image.resize(picture, (256, 256)))
        for mine, theirs in zip(once, again, strict=True):
            assert mine.shape == (1, 5)
            np.testing.assert_allclose(mine, theirs, atol=1e-4)
