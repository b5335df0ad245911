"""The U-Net: sizes, positions of dropout and normalization, precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.unet import unet  # noqa: E402
from img2imgkit.nn import BatchNorm  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("depth", [2, 3, 5, 6])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_any_depth_keeps_sizes(depth: int, norm: Any) -> None:
    model = unet(depth, 2, norm, channels=1, out_channels=4)
    result = np.asarray(model(images(2, 2**depth, 2 ** (depth + 1), 1)))
    assert result.shape == (2, 2**depth, 2 ** (depth + 1), 4)
    assert np.abs(result).max() < 1


@pytest.mark.parametrize(("depth", "official"), [(7, 41_828_995), (8, 54_413_955)])
def test_it_has_as_many_weights_as_the_official_one(depth: int, official: int) -> None:
    with keras.StatelessScope(initialize_variables=False):
        model = unet(depth)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == official


def test_dropout_follows_only_inner_steps_of_full_width() -> None:
    names = [layer.name for layer in unet(8, 1).layers if isinstance(layer, keras.layers.Dropout)]
    assert names == ["up6_dropout", "up5_dropout", "up4_dropout"]
    assert not [layer for layer in unet(8, 1, dropout=0.0).layers if isinstance(layer, keras.layers.Dropout)]


def test_the_first_and_the_innermost_convolution_are_not_normalized() -> None:
    names = {layer.name for layer in unet(5, 2).layers if isinstance(layer, BatchNorm)}
    assert names == {"down1_norm", "down2_norm", "down3_norm", "up1_norm", "up2_norm", "up3_norm", "up4_norm"}


def test_every_variable_gets_a_gradient() -> None:
    for norm in ("batch", "instance"):
        model = unet(5, 2, norm)  # type: ignore[arg-type]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(images(1, 64, 64, 3), training=True) ** 2)
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        assert all(gradient is not None for gradient in gradients)


def test_image_statistics_are_those_of_training_on_one_image() -> None:
    x = images(1, 32, 32, 3)
    model = unet(3, 4, dropout=0.0, statistics="image")
    np.testing.assert_allclose(model(x), model(x, training=True), atol=1e-5)


def test_the_image_is_float32_under_mixed_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = unet(3, 4)
    finally:
        keras.config.set_dtype_policy(before)
    assert model(images(1, 8, 8, 3)).dtype == tf.float32
    assert model.get_layer("up1_conv").compute_dtype == "bfloat16"
    assert {str(variable.dtype) for variable in model.variables if "seed" not in variable.path} == {"float32"}


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = [], []
    for weights in (first, second):
        keras.utils.set_random_seed(3)
        weights.extend(unet(3, 2).get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
