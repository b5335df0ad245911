"""Full-reference metrics L1, PSNR, SSIM and MS-SSIM on levels in [0, 255]."""

from __future__ import annotations

import math

import numpy as np

_PEAK = 255.0
SSIM_WINDOW = 11  # side in pixels
_SIGMA = 1.5
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of MS-SSIM's scales, the finest first
MS_SSIM_SIDE = (SSIM_WINDOW - 1) * 2 ** (len(_EXPONENTS) - 1) + 1  # the window fits at the coarsest scale


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
    luminance, structure = _terms(reference.astype(np.float64), picture.astype(np.float64))
    return float(np.mean(luminance * structure))


def ms_ssim(reference: np.ndarray, picture: np.ndarray) -> float:
    """Multi-scale structural similarity over five scales, mean over channels.

    Wang et al. 2003, https://doi.org/10.1109/ACSSC.2003.1292216, eq. 7. Equals ``multi_scale_ssim`` of piq 0.8: each
    scale is the mean of 2x2 pixels of the one before, whose first row and column are doubled if a side is odd.

    Shapes:
        reference, picture: (H, W, C) of at least 161x161, [0, 255] -> a number in [0, 1]
    Raises:
        ValueError: the shapes differ, or a side is too short for five scales.

    >>> grey = np.full((161, 161, 1), 100.0)
    >>> round(ms_ssim(grey, grey), 6)
    1.0

    Only the coarsest scale knows the brightness, so its exponent remains of the 0.8 of ``ssim``:

    >>> round(ms_ssim(grey, 2 * grey), 4), round(0.8 ** 0.1333, 4)
    (0.9707, 0.9707)
    """
    _check(reference, picture)
    if reference.ndim != 3 or min(reference.shape[:2]) < MS_SSIM_SIDE:
        raise ValueError(
            f"MS-SSIM needs (H, W, C) of at least {MS_SSIM_SIDE}x{MS_SSIM_SIDE} pixels, got shape {reference.shape}"
        )
    x, y = reference.astype(np.float64), picture.astype(np.float64)
    similarity = np.ones(x.shape[2])
    for exponent in _EXPONENTS[:-1]:
        similarity = similarity * _level(_terms(x, y)[1]) ** exponent
        x, y = _half(x), _half(y)
    luminance, structure = _terms(x, y)
    return float(np.mean(similarity * _level(luminance * structure) ** _EXPONENTS[-1]))


def _level(values: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (C,): the mean of each channel, at least 0."""
    return np.maximum(values.mean(axis=(0, 1)), 0)


def _half(values: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (H // 2, W // 2, C), rounded up if a side is odd: the mean of 2x2 pixels."""
    odd = max(values.shape[0] % 2, values.shape[1] % 2)
    padded = np.pad(values, ((odd, 0), (odd, 0), (0, 0)), mode="edge")
    height, width = (side // 2 for side in padded.shape[:2])
    return padded[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).mean(axis=(1, 3))


def _terms(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance, and contrast times structure: (H, W, C) -> (H - 10, W - 10, C) each."""
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (var_x + var_y + _C2)


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
