"""The built-in metrics: L1, PSNR and SSIM of pairs, each with its protocols."""

from __future__ import annotations

import numpy as np

from img2imgkit.metrics.fidelity import SSIM_WINDOW, l1, psnr, ssim
from img2imgkit.metrics.metric import PairMetric
from img2imgkit.metrics.protocol import SR_BASICSR_Y, SR_MATLAB, SR_RGB


class L1(PairMetric):
    """Mean absolute difference in levels from 0 to 255."""

    name = "l1"
    label = "L1"
    higher_is_better = False
    unit = "levels"
    digits = 2

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``img2imgkit.metrics.l1``."""
        return l1(reference, picture)


class Psnr(PairMetric):
    """Peak signal-to-noise ratio of all channels; infinite for equal pictures."""

    name = "psnr"
    label = "PSNR"
    higher_is_better = True
    unit = "dB"
    digits = 2
    ceiling = 99.0

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``img2imgkit.metrics.psnr``."""
        return psnr(reference, picture)


class Ssim(PairMetric):
    """Structural similarity, mean over channels (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""

    name = "ssim"
    label = "SSIM"
    higher_is_better = True
    digits = 4
    minimum_size = SSIM_WINDOW

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        """See ``img2imgkit.metrics.ssim``."""
        return ssim(reference, picture)


class PsnrY(Psnr):
    """Peak signal-to-noise ratio of luma, standard in super-resolution; infinite for equal luma."""

    name = "psnr_y"
    label = "PSNR(Y)"
    protocols = (SR_MATLAB, SR_BASICSR_Y)


class SsimY(Ssim):
    """Structural similarity of luma (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""

    name = "ssim_y"
    label = "SSIM(Y)"
    protocols = (SR_MATLAB, SR_BASICSR_Y)


class PsnrRgb(Psnr):
    """Peak signal-to-noise ratio of all channels, without the border that super-resolution crops."""

    name = "psnr_rgb"
    label = "PSNR(RGB)"
    protocols = (SR_RGB,)


class SsimRgb(Ssim):
    """Structural similarity (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861), without the border."""

    name = "ssim_rgb"
    label = "SSIM(RGB)"
    protocols = (SR_RGB,)
