"""Luma and bicubic upsampling: most of a picture's perceived sharpness is in its luma.

Super-resolution networks up to VDSR (https://arxiv.org/abs/1511.04587) upsample luma by the network and colour by
bicubic interpolation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from img2imgkit import backend
from img2imgkit.nn.layers.resizing import edges_replicated

BT601 = (0.299, 0.587, 0.114)  # ITU-R BT.601: weights of R, G and B


def luma(image: Any) -> Any:
    """The luma of an image, full range.

    Shapes:
        (N, H, W, 3) in [-1, 1] -> (N, H, W, 1) in [-1, 1]

    >>> ops.shape(luma(ops.zeros((1, 5, 6, 3))))
    (1, 5, 6, 1)
    >>> float(luma(ops.ones((1, 1, 1, 3)))[0, 0, 0, 0])
    1.0
    """
    weights = ops.cast(ops.reshape(ops.convert_to_tensor(BT601, dtype="float32"), (1, 1, 1, 3)), image.dtype)
    return ops.sum(image * weights, axis=-1, keepdims=True)


def with_luma(image: Any, brightness: Any) -> Any:
    """Replace the luma of an image and keep its colour differences (Cb, Cr) exactly.

    Shapes:
        image (N, H, W, 3), brightness (N, H, W, 1) -> (N, H, W, 3)

    >>> with_luma(ops.zeros((1, 1, 1, 3)), ops.full((1, 1, 1, 1), 0.5)).numpy().ravel()
    array([0.5, 0.5, 0.5], dtype=float32)
    """
    return image + (brightness - luma(image))


def enlarge_bicubic(image: Any, scale: int) -> Any:
    """Bicubic interpolation (Keys 1981, a = -0.5, half-pixel centres), edges replicated. Any size from 1x1.

    Shapes:
        (N, H, W, C) -> (N, scale * H, scale * W, C)

    >>> ops.shape(enlarge_bicubic(ops.zeros((1, 5, 6, 3)), 4))
    (1, 20, 24, 3)
    """
    if backend.is_for_one_picture():
        kernel = ops.cast(ops.convert_to_tensor(_kernel(scale, image.shape[-1])), image.dtype)
        phases = ops.conv(edges_replicated(edges_replicated(image)), kernel, padding="valid")  # (N, H, W, scale^2 * C)
        return ops.depth_to_space(phases, scale, data_format="channels_last") if scale > 1 else phases
    count, height, width = ops.shape(image)[:3]
    channels = image.shape[-1]
    planes = ops.reshape(ops.transpose(image, (0, 3, 1, 2)), (-1, height, width, 1))  # (N * C, H, W, 1)
    planes = edges_replicated(edges_replicated(planes))  # a plane each: engines keep three channels of pixels slowly
    kernel = ops.cast(ops.convert_to_tensor(_kernel(scale)), image.dtype)
    phases = ops.conv(planes, kernel, padding="valid")  # (N * C, H, W, scale^2)
    large = ops.depth_to_space(phases, scale, data_format="channels_last") if scale > 1 else phases
    large = ops.reshape(large, (count, channels, scale * height, scale * width))
    return ops.transpose(large, (0, 2, 3, 1))


def _kernel(scale: int, channels: int = 1) -> np.ndarray:
    """One 5x5 filter per output phase, the same for each channel. Shapes: (5, 5, channels, scale^2 * channels)."""
    places = (np.arange(scale) + 0.5) / scale - 0.5  # centre of each phase, in source pixels
    taps = _keys(places[:, None] - np.arange(-2, 3))  # (scale, 5)
    kernel = np.einsum("ai,bj,cd->ijcabd", taps, taps, np.eye(channels))
    return kernel.reshape(5, 5, channels, scale * scale * channels).astype(np.float32)


def _keys(distance: np.ndarray) -> np.ndarray:
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
