"""The luma plane and the cropped border of super-resolution scores."""

from __future__ import annotations

import numpy as np

_WEIGHTS = np.array([65.481, 128.553, 24.966]) / 255


def rgb_to_y(levels: np.ndarray) -> np.ndarray:
    """Studio-range luma of ITU-R BT.601, as MATLAB's ``rgb2ycbcr`` computes it, not rounded.

    Shapes:
        levels: (..., 3) in [0, 255] -> (..., 1) float64 in [16, 235]
    Raises:
        ValueError: the last axis is not 3.

    >>> black_white_red = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0]])
    >>> rgb_to_y(black_white_red).round(3)
    array([[ 16.   ],
           [235.   ],
           [ 81.481]])
    """
    if levels.shape[-1] != 3:
        raise ValueError(f"luma needs red, green and blue on the last axis, got shape {levels.shape}")
    return 16 + (levels.astype(np.float64) @ _WEIGHTS)[..., np.newaxis]


def crop_border(levels: np.ndarray, border: int) -> np.ndarray:
    """Crop ``border`` pixels off each side.

    Shapes:
        levels: (H, W, C) -> (H - 2 * border, W - 2 * border, C)
    Raises:
        ValueError: nothing would be left.

    >>> crop_border(np.zeros((20, 30, 3)), 4).shape
    (12, 22, 3)
    >>> crop_border(np.zeros((8, 30, 3)), 4)
    Traceback (most recent call last):
    ValueError: cannot cut 4 pixels off each side of 30x8
    """
    height, width = levels.shape[:2]
    if border < 0 or 2 * border >= min(height, width):
        raise ValueError(f"cannot cut {border} pixels off each side of {width}x{height}")
    return levels[border : height - border, border : width - border]
