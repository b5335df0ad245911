"""Wide float32 convolutions of the training step, in the form that is fast on a CPU.

TensorFlow hands oneDNN a kernel that changes at each step in TensorFlow's own layout. With that, a forward pass to 256
or more channels takes up to three times as long as either of its gradients. The operation ``Conv`` does not go through
oneDNN, and has no such loss. The gradients stay with oneDNN, and so does bfloat16, whose forward pass is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from img2imgkit.nn.layers import DoublingConv, SpectralConv, TransposedConv

WIDE = 256  # output channels from which ``Conv`` is faster


@contextmanager
def fast_convolutions(networks: Iterable[keras.Model]) -> Iterator[None]:
    """Within it, the networks' wide float32 convolutions use the fast form, with equal results up to rounding.

    Only what is traced inside is affected, so that models can be exported from the same networks. Any order of
    derivatives can be taken.
    """
    replaced: list[tuple[dict[str, Any], str]] = []
    for layer in {id(layer): layer for net in networks for layer in net._flatten_layers()}.values():
        for name, form in _forms(layer):
            vars(layer)[name] = form  # found before the method of the class; Keras does not track it
            replaced.append((vars(layer), name))
    try:
        yield
    finally:
        for attributes, name in replaced:
            del attributes[name]


def _forms(layer: keras.Layer) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the method to replace, and its fast form."""
    if layer.compute_dtype != "float32":
        return
    if isinstance(layer, DoublingConv | TransposedConv):
        yield "transposed", partial(_transposed, layer)
    elif _is_plain(layer) and layer.filters >= WIDE:
        strides = layer.strides if isinstance(layer.strides, tuple) else (layer.strides, layer.strides)
        options = {"strides": [1, *strides, 1], "padding": layer.padding.upper()}
        yield "convolution_op", partial(_convolution, options)


def _is_plain(layer: keras.layers.Layer) -> bool:
    """Whether it is a convolution that nothing but its stride and padding sets apart."""
    if isinstance(layer, SpectralConv):
        return True
    if not isinstance(layer, keras.layers.Conv2D):
        return False
    own = type(layer).convolution_op is keras.layers.Conv2D.convolution_op
    simple = layer.groups == 1 and set(layer.dilation_rate) == {1} and layer.data_format == "channels_last"
    return bool(own and simple and layer.padding in ("same", "valid"))


def _convolution(options: dict[str, Any], inputs: Any, kernel: Any) -> Any:
    @tf.custom_gradient
    def convolved(x: Any, w: Any) -> Any:
        def gradient(dy: Any) -> tuple[Any, Any]:
            return _spread(dy, w, _sizes(x), options), _of_kernel(x, dy, w, options)

        return tf.raw_ops.Conv(input=x, filter=w, **options), gradient

    return convolved(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))


def _transposed(layer: Any, inputs: Any) -> Any:
    """A transposed convolution; only its gradient contains a wide convolution."""
    x = tf.convert_to_tensor(inputs)
    if x.shape[-1] < WIDE or not x.shape.is_fully_defined():
        return type(layer).transposed(layer, inputs)
    options: dict[str, Any] = {"strides": [1, *layer.strides, 1], "padding": layer.padding.upper()}
    sizes = list(keras.layers.Conv2DTranspose.compute_output_shape(layer, tuple(x.shape)))

    @tf.custom_gradient
    def spread(x: Any, w: Any) -> Any:
        def gradient(dy: Any) -> tuple[Any, Any]:
            return _convolution(options, dy, w), _of_kernel(dy, x, w, options)

        return _spread(x, w, sizes, options), gradient

    y = spread(x, tf.convert_to_tensor(layer.kernel))
    return layer.activation(y + tf.convert_to_tensor(layer.bias) if layer.use_bias else y)


def _spread(dy: Any, kernel: Any, sizes: Any, options: dict[str, Any]) -> Any:
    """The gradient with respect to the input of these sizes."""
    return tf.raw_ops.Conv2DBackpropInput(input_sizes=sizes, filter=kernel, out_backprop=dy, **options)


def _of_kernel(x: Any, dy: Any, kernel: Any, options: dict[str, Any]) -> Any:
    return tf.raw_ops.Conv2DBackpropFilter(input=x, filter_sizes=list(kernel.shape), out_backprop=dy, **options)


def _sizes(x: Any) -> Any:
    return list(x.shape) if x.shape.is_fully_defined() else tf.shape(x)
