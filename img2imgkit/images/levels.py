"""The only conversion between integer levels and the networks' floats.

Networks use float32 in [-1, 1]; pictures use uint8 or uint16. Levels are rounded, never truncated, so the round trip
from level to float to level is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike


def to_unit(levels: np.ndarray) -> np.ndarray:
    """Convert levels to the networks' range.

    Shapes:
        levels: any shape, uint8 or uint16 -> the same shape, float32 in [-1, 1]
    """
    half = np.float32(np.iinfo(levels.dtype).max / 2)
    return levels.astype(np.float32) / half - np.float32(1)


def to_levels(unit: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Convert the networks' range to levels: clipped to [-1, 1], then rounded half up.

    Shapes:
        unit: any shape, float32 -> the same shape, uint8 or uint16 by ``dtype``
    Raises:
        ValueError: a value is NaN or infinite.
    """
    if not np.isfinite(unit).all():
        raise ValueError("values must be finite, got NaN or infinity")
    top = np.iinfo(np.dtype(dtype)).max
    scaled = (np.clip(unit, -1, 1).astype(np.float64) + 1) * (top / 2)
    return np.floor(scaled + 0.5).astype(dtype)
