"""Convolutions: initializers, spectral normalization, upsampling by transposed convolution, single channels."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]
Init = Literal["normal", "xavier", "uniform", "kaiming"]
GAIN = 0.02


def initializer(init: Init) -> keras.initializers.Initializer:
    """Kernel initializer: "normal", N(0, 0.02), of pix2pix and CycleGAN; "xavier", with a gain of 0.02, of CUT.

    "uniform", of StarGAN, is PyTorch's default: uniform up to 1 / sqrt(fan_in).
    "kaiming", of FUNIT, preserves the variance through ReLUs (He et al. 2015,
    https://arxiv.org/abs/1502.01852, eq. 10).

    >>> ops.shape(initializer("normal")((3, 3, 8, 16)))
    (3, 3, 8, 16)
    """
    if init == "normal":
        return keras.initializers.RandomNormal(stddev=GAIN)
    if init == "uniform":
        return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
    if init == "kaiming":
        return keras.initializers.VarianceScaling(2.0, mode="fan_in", distribution="untruncated_normal")
    return keras.initializers.VarianceScaling(GAIN**2, mode="fan_avg", distribution="untruncated_normal")


@keras.saving.register_keras_serializable("img2imgkit")
class TransposedConv(layers.Conv2DTranspose):
    """A transposed 3x3 convolution of stride 2 whose first output row and column are cut off.

    This matches PyTorch (padding 1, output padding 1); Keras's "same" cuts off the last ones, a shift by one pixel.

    Shapes:
        (N, H, W, C) -> (N, 2 * H, 2 * W, filters)
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(filters, **{**kwargs, "kernel_size": 3, "strides": 2, "padding": "valid"})

    def call(self, inputs: Any) -> Any:
        return self.transposed(inputs)[:, 1:, 1:]

    def transposed(self, inputs: Any) -> Any:
        """The operation of Keras. Shapes: (N, H, W, C) -> (N, 2 * H + 1, 2 * W + 1, filters)."""
        return super().call(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, _ = input_shape
        doubled = [None if size is None else 2 * size for size in (height, width)]
        return (count, *doubled, self.filters)


@keras.saving.register_keras_serializable("img2imgkit")
class SpectralConv(layers.Layer):
    """A convolution whose kernel is divided by its largest singular value (Miyato et al. 2018, section 2.1).

    https://arxiv.org/abs/1802.05957: sigma = u' W v, where u and v are updated by one power iteration per forward pass
    in training (algorithm 1). Gradients flow through sigma, not through u and v. Inference does not update the vectors.
    sigma is computed in float32 under every precision policy.

    Shapes:
        (N, H, W, C) -> (N, H', W', filters)

    Attributes:
        kernel: (kernel_size, kernel_size, C, filters); W is its (kernel_size^2 * C, filters) form
        u: (1, filters)
        v: (1, kernel_size^2 * C)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: Literal["valid", "same"] = "valid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        assert channels is not None
        shape = (self.kernel_size, self.kernel_size, channels, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, autocast=False, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.use_bias else None
        rows = self.kernel_size**2 * channels
        vector: dict[str, Any] = {"initializer": "orthogonal", "trainable": False, "autocast": False}  # unit length
        self.u = self.add_weight(shape=(1, self.filters), name="u", **vector)
        self.v = self.add_weight(shape=(1, rows), name="v", **vector)

    def call(self, x: Any, training: bool = False) -> Any:
        kernel = ops.convert_to_tensor(self.kernel)
        kernel = ops.cast(kernel / self._sigma(kernel, training), self.compute_dtype)
        y = self.convolution_op(x, kernel)
        return y if self.bias is None else y + ops.cast(self.bias, y.dtype)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve; named as in the convolutions of Keras. Shapes: (N, H, W, C) -> (N, H', W', filters)."""
        return ops.conv(inputs, kernel, strides=self.strides, padding=self.padding, data_format="channels_last")

    def _sigma(self, kernel: Any, training: bool) -> Any:
        matrix = ops.reshape(kernel, (-1, self.filters))
        u, v = ops.convert_to_tensor(self.u), ops.convert_to_tensor(self.v)
        if training:
            fixed = ops.stop_gradient(matrix)
            v = _unit(ops.matmul(u, ops.transpose(fixed)))
            u = _unit(ops.matmul(v, fixed))
            self.u.assign(u)
            self.v.assign(v)
        return ops.sum(ops.matmul(v, matrix) * u)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count, height, width, _ = input_shape
        missing = 0 if self.padding == "same" else self.kernel_size - 1
        sizes = [None if size is None else -((missing - size) // self.strides) for size in (height, width)]
        return (count, *sizes, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("img2imgkit")
class DepthwiseConv(layers.Layer):
    """A convolution of each channel by itself.

    At stride 1 there are zeros beyond the border. At other strides there are none, but maps smaller than a kernel are
    padded by zeros at the bottom and on the right to its size.

    Shapes:
        (N, H, W, C) -> (N, H', W', C); H' is H at stride 1, otherwise (H - kernel_size) // strides + 1, at least 1

    Attributes:
        kernel: (kernel_size, kernel_size, 1, C), PyTorch's kernel of as many groups as channels
    """

    def __init__(self, kernel_size: int, use_bias: bool = True, strides: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size, self.use_bias, self.strides = kernel_size, use_bias, strides

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        shape = (self.kernel_size, self.kernel_size, 1, channels)
        self.kernel = self.add_weight(shape=shape, initializer=initializer("uniform"), name="kernel")
        self.bias = self.add_weight(shape=(channels,), initializer="zeros", name="bias") if self.use_bias else None

    def call(self, x: Any) -> Any:
        kernel = ops.reshape(self.kernel, (self.kernel_size, self.kernel_size, x.shape[-1], 1))
        padding = "same"
        if self.strides > 1:
            x, padding = self._large_enough(x), "valid"
        y = ops.depthwise_conv(x, kernel, strides=self.strides, padding=padding, data_format="channels_last")
        return y if self.bias is None else y + self.bias

    def _large_enough(self, x: Any) -> Any:
        sizes = ops.shape(x)[1:3]
        if all(isinstance(size, int) and size >= self.kernel_size for size in sizes):
            return x
        more = [ops.maximum(self.kernel_size - size, 0) for size in sizes]
        padded = ops.pad(x, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)))
        grown = [size + each for size, each in zip(sizes, more, strict=True)]
        return ops.reshape(padded, (-1, *grown, x.shape[-1]))  # so that converters know the number of channels

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.strides == 1:
            return input_shape
        count, *sizes, channels = input_shape
        least = self.kernel_size
        return (count, *(each and (max(each, least) - least) // self.strides + 1 for each in sizes), channels)

    def get_config(self) -> dict[str, Any]:
        own = {"kernel_size": self.kernel_size, "use_bias": self.use_bias, "strides": self.strides}
        return {**super().get_config(), **own}


def _unit(vector: Any) -> Any:
    return vector / ops.maximum(ops.norm(vector), 1e-12)
