"""Full-reference metrics L1, PSNR and SSIM on levels in [0, 255]."""

from __future__ import annotations

import math

import numpy as np

_PEAK = 255.0
SSIM_WINDOW = 11  # side in pixels
_SIGMA = 1.5
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2


def l1(reference: np.ndarray, picture: np.ndarray) -> float:
    """Mean absolute difference in levels.

    Shapes:
        reference, picture: the same shape, [0, 255]
    Raises:
        ValueError: the shapes differ.

    >>> l1(np.array([0, 10, 255], np.uint8), np.array([3, 10, 255], np.uint8))
    1.0
    """
    _check(reference, picture)
    return float(np.mean(np.abs(reference.astype(np.float64) - picture)))


def psnr(reference: np.ndarray, picture: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels, ``10 log10(255^2 / mean squared error)``; infinite when equal.

    Shapes:
        reference, picture: the same shape, [0, 255]
    Raises:
        ValueError: the shapes differ.

    Wrong by one level everywhere:

    >>> black = np.zeros((16, 16, 3), np.uint8)
    >>> round(psnr(black, black + 1), 2)
    48.13
    >>> psnr(black, black)
    inf
    """
    _check(reference, picture)
    error = float(np.mean((reference.astype(np.float64) - picture.astype(np.float64)) ** 2))
    return 10 * math.log10(_PEAK**2 / error) if error else math.inf


def ssim(reference: np.ndarray, picture: np.ndarray) -> float:
    """Structural similarity, mean over the picture and its channels (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861).

    Gaussian window of 11x11 with sigma 1.5, only at positions where it fits inside the picture; K1 = 0.01, K2 = 0.03.

    Shapes:
        reference, picture: (H, W, C) of at least 11x11, [0, 255] -> a number in [-1, 1]
    Raises:
        ValueError: the shapes differ, or a side is shorter than the window.

    Pictures without structure differ in brightness alone; equal ones score 1:

    >>> grey = np.full((11, 11, 1), 100.0)
    >>> round(ssim(grey, grey), 6)
    1.0
    >>> round(ssim(grey, 2 * grey), 4)
    0.8
    """
    _check(reference, picture)
    if reference.ndim != 3 or min(reference.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs (H, W, C) of at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, got shape {reference.shape}"
        )
    x, y = reference.astype(np.float64), picture.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (var_x + var_y + _C2)
    return float(np.mean(luminance * structure))


def _blur(values: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (H - 10, W - 10, C): the Gaussian window, separably."""
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window /= window.sum()
    height, width = values.shape[0] - SSIM_WINDOW + 1, values.shape[1] - SSIM_WINDOW + 1
    rows = sum(weight * values[at : at + height] for at, weight in enumerate(window))
    return np.asarray(sum(weight * rows[:, at : at + width] for at, weight in enumerate(window)))


def _check(reference: np.ndarray, picture: np.ndarray) -> None:
    if reference.shape != picture.shape:
        raise ValueError(f"cannot compare shapes {reference.shape} and {picture.shape}")
