"""Degradations that are known: blurred by a kernel, downscaled, noisy."""

from __future__ import annotations

import numpy as np

from img2imgkit.degradations import BicubicMatlab

HALF = 127.5  # of the levels from 0 to 255


def degraded(
    image: np.ndarray, kernel: np.ndarray, scale: int, noise: float, random: np.random.Generator
) -> np.ndarray:
    """Blur an image, downscale it by bicubic interpolation, and add noise, as section 3.1 of the paper.

    Args:
        kernel: symmetric, (size, size); the edge of the image is repeated
        noise: standard deviation, in levels of 0 to 255
    Shapes:
        image: (H, W, C) in [-1, 1] -> (H / scale, W / scale, C), float32; noise may leave the range
    """
    levels = np.rint((blurred(image, kernel) + 1) * HALF).clip(0, 255).astype(np.uint8)
    small = BicubicMatlab().apply(levels, scale, random) / HALF - 1
    return np.asarray(small + random.normal(0, noise / HALF, small.shape), np.float32)


def blurred(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve each channel with a symmetric kernel. Shapes: (H, W, C), (size, size) -> (H, W, C), float64."""
    around = len(kernel) // 2
    padded = np.pad(image, ((around, around), (around, around), (0, 0)), mode="edge")
    height, width = image.shape[:2]
    found = np.zeros(image.shape)
    for row, column in zip(*np.nonzero(kernel), strict=True):
        found += kernel[row, column] * padded[row : row + height, column : column + width]
    return found
