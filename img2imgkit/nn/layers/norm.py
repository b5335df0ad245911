"""Normalization with PyTorch's definitions, which the published networks were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from img2imgkit import backend

Shape = tuple[int | None, ...]
Norm = Literal["batch", "instance", "none"]
Statistics = Literal["running", "image"]
EPSILON = 1e-5


def normalized(x: Any, norm: Norm, name: str, statistics: Statistics = "running") -> Any:
    """Apply a new normalization layer to ``x``; "none" returns ``x`` itself.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)

    >>> ops.shape(normalized(ops.zeros((1, 4, 4, 8)), "instance", "norm"))
    (1, 4, 4, 8)
    """
    if norm == "batch":
        return BatchNorm(statistics=statistics, name=name)(x)
    return InstanceNorm(name=name)(x) if norm == "instance" else x


@keras.saving.register_keras_serializable("img2imgkit")
class InstanceNorm(layers.Layer):
    """Each image's channels to mean 0 and variance 1 (Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022, eq. 3).

    Means and variances are float32 under every precision policy. The fused operation is used on GPUs only: on CPUs it
    accumulates pixel by pixel, with errors of 1e-4 in the deviations of large images.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)

    Attributes:
        affine: whether a scale and a shift of each channel are learned, initially 1 and 0
    """

    def __init__(self, epsilon: float = EPSILON, affine: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.affine = affine

    def build(self, input_shape: Shape) -> None:
        if self.affine:
            shape = (input_shape[-1],)
            self.gamma = self.add_weight(shape=shape, initializer="ones", autocast=False, name="gamma")
            self.beta = self.add_weight(shape=shape, initializer="zeros", autocast=False, name="beta")

    def call(self, x: Any) -> Any:
        plain = np.ones(x.shape[-1], "float32")
        gamma, beta = (self.gamma, self.beta) if self.affine else (plain, 0 * plain)
        alone = x.shape[0] == 1 and backend.has_gpu()
        if alone and (fused := backend.fused_normalization(x, gamma, beta, self.epsilon)):
            return fused[0]
        centred, variance = _centred(_wide(x))
        y = centred * ops.rsqrt(variance + self.epsilon)
        return ops.cast(y * gamma + beta if self.affine else y, x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "affine": self.affine}


@keras.saving.register_keras_serializable("img2imgkit")
class BatchNorm(layers.Layer):
    """Channels to mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167).

    In training the statistics span all replicas, which have equally many images. The running variance is unbiased, n /
    (n - 1), and moves by ``1 - momentum`` at each call. Computed in float32 under every precision policy.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)

    Attributes:
        statistics: what inference uses: "running", the running statistics of training; "image", those of each image, as
            pix2pix's official test does with batches of one image
        affine: whether a scale and an offset of each channel are learned
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = EPSILON,
        statistics: Statistics = "running",
        affine: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.statistics = statistics
        self.affine = affine

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.beta = None
        if self.affine:
            near_one = keras.initializers.RandomNormal(mean=1.0, stddev=0.02)
            self.gamma = self.add_weight(shape=shape, initializer=near_one, autocast=False, name="gamma")
            self.beta = self.add_weight(shape=shape, initializer="zeros", autocast=False, name="beta")
        moving: dict[str, Any] = {"shape": shape, "trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(initializer="zeros", name="moving_mean", **moving)
        self.moving_variance = self.add_weight(initializer="ones", name="moving_variance", **moving)

    def call(self, x: Any, training: bool = False) -> Any:
        fused = self._fused(x, training)
        if fused is not None:
            return fused
        wide = _wide(x)
        if training:
            centred, variance = self._of_batch(wide)
        elif self.statistics == "image":
            centred, variance = _centred(wide)
        else:
            centred, variance = wide - self.moving_mean, ops.convert_to_tensor(self.moving_variance)
        gamma, beta = self._learned(x.shape[-1])
        return ops.cast(centred * (gamma * ops.rsqrt(variance + self.epsilon)) + beta, x.dtype)

    def _learned(self, channels: int) -> tuple[Any, Any]:
        """Scale and offset; 1 and 0 if they are not learned. Shapes: (C,) each."""
        return (self.gamma, self.beta) if self.affine else (np.ones(channels, "float32"), np.zeros(channels, "float32"))

    def _fused(self, x: Any, training: bool) -> Any:
        """The result of one fused operation; None unless the statistics are those of this replica's whole ``x``."""
        usable = backend.replicas() == 1 if training else self.statistics == "image" and x.shape[0] == 1
        found = backend.fused_normalization(x, *self._learned(x.shape[-1]), self.epsilon) if usable else None
        if found is None:
            return None
        if training:
            self._update_running(*found[1:])
        return found[0]

    def _of_batch(self, x: Any) -> tuple[Any, Any]:
        """Centre the batch, return its variance too, and update the running statistics. Shapes: (N, H, W, C), (C,)."""
        replicas = backend.replicas()
        mean = backend.replica_sum(ops.mean(x, (0, 1, 2))) / replicas
        centred = x - mean
        variance = backend.replica_sum(ops.mean(ops.square(centred), (0, 1, 2))) / replicas
        count = ops.cast(ops.size(x), x.dtype) * (replicas / x.shape[-1])
        unbiased = variance * (count / ops.maximum(count - 1, 1))
        self._update_running(mean, unbiased)
        return centred, variance

    def _update_running(self, mean: Any, variance: Any) -> None:
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + ops.stop_gradient(now) * (1 - self.momentum))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"momentum": self.momentum, "epsilon": self.epsilon, "statistics": self.statistics}
        return {**super().get_config(), **own, "affine": self.affine}


def _wide(x: Any) -> Any:
    """Cast to at least float32: sums over thousands of pixels need it."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _centred(x: Any) -> tuple[Any, Any]:
    """Subtract each image's mean; return the biased variance too. Shapes: (N, H, W, C), (N, 1, 1, C).

    Two passes over ``x``: the mean of the squares minus the square of the mean would lose precision.
    """
    centred = x - _mean(x)
    return centred, _mean(ops.square(centred))


def _mean(x: Any) -> Any:
    """Each image's mean, over rows first: one long sum loses precision. Shapes: (N, H, W, C) -> (N, 1, 1, C)."""
    return ops.mean(ops.mean(x, 2, keepdims=True), 1, keepdims=True)


@keras.saving.register_keras_serializable("img2imgkit")
class AdaptiveInstanceNorm(InstanceNorm):
    """AdaIN: sets the mean and standard deviation of each channel (Huang & Belongie 2017, eq. 8).

    https://arxiv.org/abs/1703.06868. The deviation is used as given, without an epsilon or an offset of 1.

    Shapes:
        [(N, H, W, C), (N or 1, 2 * C): all means, then all deviations] -> (N, H, W, C)
    """

    def call(self, inputs: Sequence[Any]) -> Any:
        x, parameters = inputs
        parameters = ops.cast(parameters, x.dtype)[:, None, None, :]
        mean, deviation = ops.split(parameters, 2, axis=-1)
        return super().call(x) * deviation + mean

    def compute_output_shape(self, input_shape: Any) -> Shape:
        image_shape: Shape = input_shape[0]
        return image_shape


@keras.saving.register_keras_serializable("img2imgkit")
class DeviationNorm(layers.Layer):
    """Each image, or each of its channels, to mean 0 and, but for an epsilon, deviation 1.

    The layer InstanceNormalization of keras-contrib, which adds the epsilon to the deviation, not to the variance.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)

    Attributes:
        by_channel: whether each channel is normalized by itself; otherwise all of an image together
        center, scale: whether an offset and a factor are learned, for each channel or for all together
    """

    def __init__(
        self, by_channel: bool, epsilon: float = 1e-3, center: bool = True, scale: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.by_channel, self.epsilon, self.center, self.scale = by_channel, epsilon, center, scale

    def build(self, input_shape: Shape) -> None:
        shape = (input_shape[-1] if self.by_channel else 1,)
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma") if self.scale else None
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta") if self.center else None

    def call(self, x: Any) -> Any:
        axes = (1, 2) if self.by_channel else (1, 2, 3)
        wide = _wide(x)
        centred = wide - ops.mean(wide, axes, keepdims=True)
        y = centred / (ops.sqrt(ops.mean(ops.square(centred), axes, keepdims=True)) + self.epsilon)
        y = y if self.gamma is None else y * self.gamma
        return ops.cast(y if self.beta is None else y + self.beta, x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"by_channel": self.by_channel, "epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        return {**super().get_config(), **own}
