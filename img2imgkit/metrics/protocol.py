"""Named protocols: everything besides the metric that decides which number comes out.

The same two pictures differ by decibels between protocols, so a score without its protocol's name says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from img2imgkit.metrics.luma import crop_border, rgb_to_y


@dataclass(frozen=True)
class Protocol:
    """What a metric sees of a picture.

    Attributes:
        name: what scores are labelled with
        about: one line for a list of protocols
        plane: "y" scores luma, "rgb" all three channels at once; a grey picture is scored as it is in both
        rounded: values are rounded to whole levels before they are compared
        cropped: as many pixels as the scale are cut off each side
        version: raised whenever the protocol gives other numbers under the same name
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
        """How many pixels on each side are not scored, of a picture that was enlarged ``scale`` times."""
        return scale if self.cropped else 0

    def view(self, levels: np.ndarray, scale: int = 1) -> np.ndarray:
        """What a metric is given of a picture that was enlarged ``scale`` times.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (H - 2 * border, W - 2 * border, 1 or 3) float64 in [0, 255]
        Raises:
            ValueError: nothing would be left inside the border.
        """
        return self.planes(crop_border(levels, self.border(scale)))

    def planes(self, levels: np.ndarray) -> np.ndarray:
        """The view without the crop.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (H, W, 1 or 3) float64, in [0, 255] where rounded
        """
        plane = rgb_to_y(levels) if self.plane == "y" and levels.shape[-1] == 3 else levels.astype(np.float64)
        return np.floor(np.clip(plane, 0, 255) + 0.5) if self.rounded else plane


SR_MATLAB = Protocol(
    "sr-matlab", "luma in whole levels, as most papers' MATLAB code: PSNR(Y), SSIM(Y)", "y", cropped=True
)
SR_BASICSR_Y = Protocol(
    "sr-basicsr-y", "luma not rounded, as BasicSR with test_y_channel", "y", rounded=False, cropped=True
)
SR_RGB = Protocol("sr-rgb", "all channels at once, as BasicSR's and mmagic's tables", cropped=True)
PAIRS_8BIT = Protocol("pairs-8bit", "8-bit levels of all channels: mean absolute difference, PSNR, SSIM")
