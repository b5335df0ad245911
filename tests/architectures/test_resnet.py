"""The residual generator: sizes, padding, the features for CUT's patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.resnet.network import resnet, resnet_features  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_sizes_grow_to_multiples_of_four(antialias: bool, padding: Any, norm: Any) -> None:
    model = resnet(1, 2, norm, 0.5, channels=1, out_channels=2, antialias=antialias, padding=padding)
    assert model(images(1, 16, 24, 1)).shape == (1, 16, 24, 2)
    assert model(images(2, 18, 23, 1)).shape == (2, 20, 24, 2)


@pytest.mark.parametrize("antialias", [False, True])
def test_five_pixels_are_enough(antialias: bool) -> None:
    assert resnet(1, 2, antialias=antialias)(images(1, 5, 5, 3)).shape == (1, 8, 8, 3)


@pytest.mark.parametrize(("blocks", "official"), [(6, 7_837_699), (9, 11_378_179)])
def test_it_has_as_many_weights_as_the_official_one(blocks: int, official: int) -> None:
    with keras.StatelessScope(initialize_variables=False):
        model = resnet(blocks)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == official


def test_every_variable_gets_a_gradient_even_a_bias_that_a_norm_cancels() -> None:
    model = resnet(1, 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(images(1, 16, 16, 3), training=True) ** 2)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert all(gradient is not None for gradient in gradients)


class TestFeatures:
    def test_they_are_intermediate_features_of_the_network(self) -> None:
        model = resnet(5, 2, antialias=True)
        x = images(1, 16, 24, 3)
        padded, half, quarter, first, fifth = resnet_features(model)(x)
        np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect"))
        assert (half.shape, quarter.shape) == ((1, 16, 24, 4), (1, 8, 12, 8))
        assert first.shape == fifth.shape == (1, 4, 6, 8)
        before = keras.Model(model.input, model.get_layer("down0_norm").input)
        np.testing.assert_array_equal(half, before(x))

    def test_they_are_numbered_as_the_official_modules_without_anti_aliasing(self) -> None:
        features = resnet_features(resnet(2, 2, norm="none"), taps=(0, 1, 3, 6, 9, 10, 11))
        shapes = [tuple(each.shape[1:]) for each in features(images(1, 16, 16, 3))]
        assert shapes == [(22, 22, 3), (16, 16, 2), (16, 16, 2), (8, 8, 4), (4, 4, 8), (4, 4, 8), (4, 4, 8)]

    def test_the_weights_are_shared_and_no_more_than_needed(self) -> None:
        model = resnet(5, 2, antialias=True)
        features = resnet_features(model, taps=(4, 12))
        own = {id(variable) for variable in model.variables}
        assert {id(variable) for variable in features.variables} < own
        assert "block1_conv0" not in {layer.name for layer in features.layers}

    def test_a_single_tap_is_a_list_too(self) -> None:
        [features] = resnet_features(resnet(1, 2), taps=[1])(images(1, 16, 16, 3))
        assert features.shape == (1, 16, 16, 2)

    def test_a_tap_beyond_the_blocks_is_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"\[13\].*0 to 12"):
            resnet_features(resnet(1, 2, antialias=True), taps=(0, 13))


def test_it_survives_saving_without_custom_code(tmp_path: Any) -> None:
    model = resnet(1, 2, antialias=True, antialias_up=False, norm="batch", statistics="image", padding="replicate")
    x = images(1, 16, 16, 3)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(x), model(x))
