"""Convolutions and pooling of the pretrained networks, NHWC float32, and their weights as files hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from img2imgkit import ops

Tensor = Any
Arrays = Mapping[str, np.ndarray]
Padding = Literal["same", "valid"]

_LAST: Any = "channels_last"


@dataclass(frozen=True)
class Convolution:
    """A convolution's weights: (h, w, channels, filters) and (filters,)."""

    kernel: np.ndarray
    bias: np.ndarray

    def __call__(self, x: Tensor, stride: int = 1, padding: Padding = "same") -> Tensor:
        """(N, H, W, channels) -> (N, h, w, filters)."""
        return ops.conv(x, self.kernel, strides=stride, padding=padding, data_format=_LAST) + self.bias

    def by_channel(self, x: Tensor, stride: int = 1) -> Tensor:
        """Convolve each channel alone; the kernel is (h, w, channels, 1)."""
        found = ops.depthwise_conv(x, self.kernel, strides=stride, padding="same", data_format=_LAST)
        return found + self.bias


def relu(x: Tensor) -> Tensor:
    """The positive part."""
    return ops.relu(x)


def max_pool(x: Tensor, side: int, stride: int, padding: Padding = "valid") -> Tensor:
    """The largest value of each window."""
    return ops.max_pool(x, side, stride, padding, data_format=_LAST)


def mean_pool(x: Tensor, side: int) -> Tensor:
    """The mean of each window at every position; pixels outside do not count."""
    return ops.average_pool(x, side, 1, "same", data_format=_LAST)


def padded(x: Tensor, before: int, after: int) -> Tensor:
    """Zeros around height and width."""
    return ops.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))


def batched(picture: np.ndarray) -> np.ndarray:
    """(H, W, 1) or (H, W, 3) -> (1, H, W, 3) float32."""
    return np.broadcast_to(picture, (*picture.shape[:2], 3)).astype(np.float32)[None]


def torch_convolution(arrays: Arrays, name: str, shape: tuple[int, int, int]) -> Convolution:
    """A convolution of a PyTorch state dict.

    Args:
        shape: filters, channels and side of the kernel
    Raises:
        ValueError: it is missing or has another shape.
    """
    kernel = stored(arrays, f"{name}.weight", (*shape, shape[-1]))
    return Convolution(kernel.transpose(2, 3, 1, 0), stored(arrays, f"{name}.bias", shape[:1]))


def normalised_convolution(kernel: np.ndarray, scale: Arrays, epsilon: float) -> Convolution:
    """A convolution without bias and the batch normalization after it as one convolution.

    Args:
        kernel: (h, w, channels, filters)
        scale: "gamma", "beta", "mean" and "variance", (filters,) each
    """
    factor = scale["gamma"] / np.sqrt(scale["variance"] + epsilon)
    bias = scale["beta"] - scale["mean"] * factor
    return Convolution((kernel * factor).astype(np.float32), bias.astype(np.float32))


def stored(arrays: Arrays, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of a file, float32. Raises ValueError: it is missing, has another shape, or is not finite."""
    if name not in arrays:
        raise ValueError(f"the weights have no {name!r}, so they are not those of this network")
    if arrays[name].shape != shape:
        raise ValueError(f"the weights' {name!r} has shape {arrays[name].shape}, expected {shape}")
    if not np.isfinite(arrays[name]).all():
        raise ValueError(f"the weights' {name!r} contains NaN or infinity")
    return arrays[name].astype(np.float32)
