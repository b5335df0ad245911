"""Named protocols: how pictures are prepared before a metric compares them.

Scores of the same two pictures differ by decibels between protocols and mean little without the protocol's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from img2imgkit.metrics.luma import crop_border, rgb_to_y


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
