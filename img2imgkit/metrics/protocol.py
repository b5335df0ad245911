"""Named protocols: everything besides the metric that decides which number comes out.

The same two pictures differ by decibels between protocols, so a score without its protocol's name says little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from img2imgkit.metrics.fidelity import psnr, ssim
from img2imgkit.metrics.luma import crop_border, rgb_to_y


@dataclass(frozen=True)
class Protocol:
    """How pictures become numbers.

    Attributes:
        name: what scores are labelled with
        about: one line for a list of protocols
        plane: "y" scores luma, "rgb" all three channels at once; a grey picture is scored as it is in both
        rounded: luma is rounded to whole levels before it is compared
    """

    name: str
    about: str
    plane: Literal["y", "rgb"]
    rounded: bool

    @property
    def metrics(self) -> tuple[str, str]:
        """The names of the scores that ``compare`` gives."""
        return f"psnr_{self.plane}", f"ssim_{self.plane}"

    def compare(self, reference: np.ndarray, picture: np.ndarray, border: int) -> dict[str, float]:
        """Both scores of a picture against its reference; ``border`` pixels on each side do not count.

        Shapes:
            reference, picture: (H, W, 1) or (H, W, 3), [0, 255], the same
        """
        first, second = (self.planes(crop_border(levels, border)) for levels in (reference, picture))
        return dict(zip(self.metrics, (psnr(first, second), ssim(first, second)), strict=True))

    def planes(self, levels: np.ndarray) -> np.ndarray:
        """What is compared of a picture.

        Shapes:
            levels: (H, W, 1) or (H, W, 3) in [0, 255] -> (H, W, 1 or 3), [0, 255]
        """
        plane = rgb_to_y(levels) if self.plane == "y" and levels.shape[-1] == 3 else levels.astype(np.float64)
        return np.floor(np.clip(plane, 0, 255) + 0.5) if self.rounded else plane


_ALL = (
    Protocol("sr-matlab", "luma in whole levels, as most papers' MATLAB code: PSNR(Y), SSIM(Y)", "y", rounded=True),
    Protocol("sr-basicsr-y", "luma not rounded, as BasicSR with test_y_channel", "y", rounded=False),
    Protocol("sr-rgb", "all channels at once, as BasicSR's and mmagic's tables", "rgb", rounded=True),
)
PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({protocol.name: protocol for protocol in _ALL})
