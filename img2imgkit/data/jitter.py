"""Changes of brightness, contrast and saturation at random."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from img2imgkit.config import Config

Factors = tuple[float, float, float]
_LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601


class Jitter(Config):
    """How far colours change: each factor is drawn evenly from 1 - value to 1 + value, as ColorJitter's of torchvision.

    Brightness multiplies levels; contrast moves them away from the picture's mean grey, saturation from each pixel's.
    """

    brightness: float = Field(default=0.2, ge=0, le=1, description="largest change of brightness")
    contrast: float = Field(default=0.2, ge=0, le=1, description="largest change of contrast")
    saturation: float = Field(default=0.2, ge=0, le=1, description="largest change of saturation")

    def factors(self, random: np.random.Generator) -> Factors:
        """One draw of brightness, contrast and saturation."""
        reach = np.asarray((self.brightness, self.contrast, self.saturation))
        brightness, contrast, saturation = 1 + reach * random.uniform(-1, 1, 3)
        return float(brightness), float(contrast), float(saturation)


def jittered(unit: np.ndarray, factors: Factors) -> np.ndarray:
    """A picture with other colours, clipped after each change.

    Shapes:
        unit: (H, W, 1 or 3) float32 in [-1, 1] -> the same
    """
    brightness, contrast, saturation = map(np.float32, factors)
    levels = np.clip((unit + 1) / 2 * brightness, 0, 1)
    levels = np.clip((levels - (mean := _grey(levels).mean())) * contrast + mean, 0, 1)
    if unit.shape[2] == 3:
        grey = _grey(levels)
        levels = np.clip((levels - grey) * saturation + grey, 0, 1)
    return (levels * 2 - 1).astype(np.float32)


def _grey(levels: np.ndarray) -> np.ndarray:
    return levels if levels.shape[2] == 1 else (levels @ _LUMA)[..., None]
