"""Anti-aliased down- and upsampling, and padding."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn import BlurDown, BlurUp, EdgePad, ReflectionPad  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 5), (2, 3)])
def test_downsampling_is_a_binomial_filter_at_every_second_pixel(height: int, width: int) -> None:
    x = images(2, height, width, 3)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    both = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    result = BlurDown()(x)
    np.testing.assert_allclose(result, both[:, ::2, ::2] / 16, atol=1e-6)
    assert result.shape == BlurDown().compute_output_shape(x.shape)


@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 5)])
def test_upsampling_is_bilinear_interpolation(height: int, width: int) -> None:
    x = images(2, height, width, 3)
    result = BlurUp()(x)
    np.testing.assert_allclose(result, tf.image.resize(x, (2 * height, 2 * width), "bilinear"), atol=1e-6)
    assert result.shape == BlurUp().compute_output_shape(x.shape)


def test_sizes_may_be_unknown_when_the_graph_is_built() -> None:
    layer = BlurUp()
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 2))], autograph=False)
    assert run(images(1, 3, 5, 2)).shape == (1, 6, 10, 2)


def test_reflection_is_the_same_in_training() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(ReflectionPad(3)(x, training=True), ReflectionPad(3)(x))


@pytest.mark.parametrize(("layer", "mode", "width"), [(ReflectionPad(3), "reflect", 3), (EdgePad(), "edge", 1)])
def test_padding_is_what_its_name_says(layer: ReflectionPad, mode: str, width: int) -> None:
    x = images(1, 5, 4, 2)
    result = layer(x)
    around = (width, width)
    np.testing.assert_array_equal(result, np.pad(x, ((0, 0), around, around, (0, 0)), mode=mode))  # type: ignore[call-overload]
    assert result.shape == layer.compute_output_shape(x.shape)
    assert np.array_equal(type(layer).from_config(layer.get_config())(x), result)
