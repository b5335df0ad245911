"""The one place where integer levels become the networks' floats and back.

Networks see float32 in [-1, 1]; pictures hold uint8 or uint16. Levels are rounded, never truncated, so a value that
came from a level returns to exactly that level.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike


def to_unit(levels: np.ndarray) -> np.ndarray:
    """Levels to the networks' range.

    Shapes:
        levels: any shape, uint8 or uint16 -> the same shape, float32 in [-1, 1]
    """
    half = np.float32(np.iinfo(levels.dtype).max / 2)
    return levels.astype(np.float32) / half - np.float32(1)


def to_levels(unit: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """The networks' range to levels: clipped to [-1, 1], then rounded half up.

    Shapes:
        unit: any shape, float32 -> the same shape, uint8 or uint16 by ``dtype``
    Raises:
        ValueError: a value is NaN or infinite.
    """
    if not np.isfinite(unit).all():
        raise ValueError("not every value is finite")
    top = np.iinfo(np.dtype(dtype)).max
    scaled = (np.clip(unit, -1, 1).astype(np.float64) + 1) * (top / 2)
    return np.floor(scaled + 0.5).astype(dtype)
