"""Wide convolutions of the training step: another operation, with the same results and derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from img2imgkit.nn.layers import DoublingConv, HalvingConv, SpectralConv, TransposedConv
from img2imgkit.training.loop.convolutions import WIDE, fast_convolutions

LAYERS = {  # the channels of its input, and the layer
    "plain": (3, lambda: keras.layers.Conv2D(WIDE, 3, strides=2)),
    "padded": (3, lambda: keras.layers.Conv2D(WIDE, 4, padding="same", activation="tanh")),
    "halving": (3, lambda: HalvingConv(WIDE)),
    "spectral": (3, lambda: SpectralConv(WIDE, 3, strides=2)),
    "doubling": (WIDE, lambda: DoublingConv(3)),
    "transposed": (WIDE, lambda: TransposedConv(3)),
}


def model_of(kind):
    channels, make = LAYERS[kind]
    source = keras.Input((None, None, channels))
    return keras.Model(source, make()(source)), tf.random.stateless_normal((2, 10, 10, channels), (1, 2))


def derivatives(model, x):
    """The output, its derivatives, and the derivatives of a penalty on the input's gradient."""
    weights = [variable.value for variable in model.trainable_variables]

    @tf.function(autograph=False)
    def found():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = model(x, training=False)
                total = tf.reduce_sum(tf.sin(y))
            slope = inner.gradient(total, x)
            penalty = total + tf.reduce_sum(tf.square(slope))
        return [y, slope, *outer.gradient(penalty, [x, *weights])]

    graph = found.get_concrete_function().graph
    return found(), {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_and_first_and_second_derivatives_are_equal(kind):
    model, x = model_of(kind)
    expected, usual = derivatives(model, x)
    with fast_convolutions([model]):
        got, operations = derivatives(model, x)
    assert "Conv" in operations
    assert "Conv" not in usual
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize("kind", ["plain", "transposed"])
def test_nothing_remains_afterwards_even_after_an_error(kind):
    model, x = model_of(kind)
    with pytest.raises(ZeroDivisionError), fast_convolutions([model, model]):
        raise ZeroDivisionError
    assert "Conv" not in derivatives(model, x)[1]


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(WIDE - 1, 3),
        keras.layers.Conv2D(WIDE, 3, dtype="mixed_bfloat16"),
        keras.layers.Conv2D(WIDE, 3, dilation_rate=2),
    ],
    ids=["narrow", "bfloat16", "dilated"],
)
def test_other_convolutions_stay_as_they_are(layer):
    source = keras.Input((None, None, 4))
    model = keras.Model(source, layer(source))
    with fast_convolutions([model]):
        traced = tf.function(model).get_concrete_function(tf.zeros((1, 8, 8, 4)))
    assert "Conv" not in {operation.type for operation in traced.graph.get_operations()}
    assert "Conv2D" in {operation.type for operation in traced.graph.get_operations()}
