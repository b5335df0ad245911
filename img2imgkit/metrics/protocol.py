"""Named protocols: how pictures are prepared before a metric compares them.

Scores of the same two pictures differ by decibels between protocols and mean little without the protocol's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Protocol:
    """How pictures are prepared for a metric.

    Attributes:
        name: the name stored with scores
        about: one line for a list of protocols
        plane: "y" scores luma, "rgb" all three channels together; grey pictures are scored unchanged in both
        rounded: round values to whole levels before comparing
        cropped: crop as many pixels as the scale off each side
        version: increased whenever the same name produces other scores
    """

    name: str
    about: str
    plane: Literal["y", "rgb"] = "rgb"
    rounded: bool = True
    cropped: bool = False
    version: int = 1

    @property
    def label(self) -> str:
        """The name in reports and bundles: with the version from the second one on, as in ``name@2``."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    def border(self, scale: int) -> int:
        """Pixels on each side that are not scored, for a picture enlarged ``scale`` times."""
        return scale if self.cropped else 0

    def view(self, levels: np.ndarray, scale: int = 1) -> np.ndarray:
        """Prepare a picture that was enlarged ``scale`` times: crop the border, then ``planes``.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (H - 2 * border, W - 2 * border, 1 or 3) float64 in [0, 255]
        Raises:
            ValueError: nothing would be left inside the border.
        """
        return self.planes(crop_border(levels, self.border(scale)))

    def planes(self, levels: np.ndarray) -> np.ndarray:
        """Convert to the scored planes and round, without cropping.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (H, W, 1 or 3) float64, in [0, 255] where rounded
        """
        plane = rgb_to_y(levels) if self.plane == "y" and levels.shape[-1] == 3 else levels.astype(np.float64)
        return np.floor(np.clip(plane, 0, 255) + 0.5) if self.rounded else plane


SR_MATLAB = Protocol(
    "sr-matlab", "luma in whole levels, like the MATLAB code of most papers: PSNR(Y), SSIM(Y)", "y", cropped=True
)
SR_BASICSR_Y = Protocol(
    "sr-basicsr-y", "luma without rounding, like BasicSR with test_y_channel", "y", rounded=False, cropped=True
)
SR_RGB = Protocol("sr-rgb", "all channels together, like the tables of BasicSR and mmagic", cropped=True)
PAIRS_8BIT = Protocol("pairs-8bit", "8-bit levels of all channels: mean absolute difference, PSNR, SSIM")


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
