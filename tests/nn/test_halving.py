"""4x4 convolutions of stride 2: the matrix product equals Keras's convolution."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from img2imgkit.nn import DoublingConv, HalvingConv

SIZES = [(2, 2), (4, 4), (2, 6), (4, 2)]


def image(*shape: int) -> Any:
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32))


def with_gradients(layer: keras.Layer, x: Any, call: Any) -> list[Any]:
    """The output, and its gradients in the input and in the weights."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = call(x)
        total = tf.reduce_sum(y**3)
    return [y, *tape.gradient(total, [x, *(variable.value for variable in layer.trainable_variables)])]


@pytest.mark.parametrize("layer_class", [HalvingConv, DoublingConv])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_small_maps_give_what_the_convolution_gives(layer_class: Any, size: tuple[int, int], bias: bool) -> None:
    x, layer = image(3, *size, 5), layer_class(7, use_bias=bias, bias_initializer="random_normal")
    layer(x)
    fast = with_gradients(layer, x, layer)
    slow = with_gradients(layer, x, super(layer_class, layer).call)
    for ours, theirs in zip(fast, slow, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer_class", [HalvingConv, DoublingConv])
def test_sizes_may_be_unknown(layer_class: Any) -> None:
    x, layer = image(1, 4, 4, 3), layer_class(2)
    known = layer(x)
    unknown = tf.function(layer.call, input_signature=[tf.TensorSpec((None, None, None, 3))])(x)
    np.testing.assert_allclose(known, unknown, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer_class", [HalvingConv, DoublingConv])
def test_it_is_rebuilt_from_its_config(layer_class: Any) -> None:
    layer = layer_class(6, use_bias=False, name="inner")
    again = layer_class.from_config(layer.get_config())
    assert (again.filters, again.use_bias, again.name, again.strides) == (6, False, "inner", (2, 2))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_lower_precision_stays_low(precision: str) -> None:
    layer = HalvingConv(4, dtype=precision)
    assert layer(image(1, 4, 4, 3)).dtype == precision.removeprefix("mixed_")
