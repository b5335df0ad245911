"""MATLAB's ``imresize`` with its default bicubic kernel, bit-exact: the downsampling of super-resolution papers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

SUPPORT = 4.0  # width of the cubic kernel, in samples


def imresize(levels: np.ndarray, scale: float | Fraction) -> np.ndarray:
    """Bicubic resize (Keys, a = -0.5), antialiased when downsampling, with symmetric padding and half-pixel centres.

    Integers are rounded after each of the two passes, as in MATLAB; rounding once changes a tenth of the pixels. A
    ``Fraction`` makes the output size exact: ``ceil(scale * size)``.

    Shapes:
        levels: (H, W) or (H, W, C), uint8, uint16 or floating -> (ceil(scale * H), ceil(scale * W)[, C]), the same type
    Raises:
        ValueError: the scale is not above zero, or the array is neither two- nor three-dimensional.
    """
    if scale <= 0 or levels.ndim not in (2, 3):
        raise ValueError(f"cannot resize {levels.shape} by {scale}: expected (H, W[, C]) and a scale above 0")
    return _along(_along(levels, 0, scale), 1, scale)


def _along(levels: np.ndarray, axis: int, scale: float | Fraction) -> np.ndarray:
    size = levels.shape[axis]
    weights, indices = _taps(size, math.ceil(size * scale), float(scale))
    source = np.moveaxis(levels, axis, 0)
    exact = np.zeros((len(weights), *source.shape[1:]))
    column = (-1, *[1] * (source.ndim - 1))
    for weight, index in zip(weights.T, indices.T, strict=True):
        exact += weight.reshape(column) * source[index]
    return np.moveaxis(_rounded(exact, levels.dtype), 0, axis)


def _taps(size: int, out: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and indices of each output sample's taps, (out, taps) each."""
    shrink = min(scale, 1.0)
    width = SUPPORT / shrink
    centre = (np.arange(out) + 0.5) / scale - 0.5
    first = np.floor(centre - width / 2)
    at = first[:, None] + np.arange(math.ceil(width) + 2)
    weights = shrink * _cubic((centre[:, None] - at) * shrink)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    used = weights.any(axis=0)
    return weights[:, used], mirrored[at.astype(np.int64) % (2 * size)][:, used]


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _rounded(exact: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if not np.issubdtype(dtype, np.integer):
        return exact.astype(dtype)
    return np.floor(np.clip(exact, 0, np.iinfo(dtype).max) + 0.5).astype(dtype)
