"""Metrics: the contract, the built-in metrics in pure numpy, and the named protocols that make scores comparable."""

from img2imgkit.metrics.comparisons import L1, Psnr, PsnrRgb, PsnrY, Ssim, SsimRgb, SsimY
from img2imgkit.metrics.fidelity import MS_SSIM_SIDE, SSIM_WINDOW, l1, ms_ssim, psnr, ssim
from img2imgkit.metrics.metric import Metric, PairMetric, PretrainedWeights, SetMetric, SetsMetric, protocols_of
from img2imgkit.metrics.protocol import PAIRS_8BIT, SR_BASICSR_Y, SR_MATLAB, SR_RGB, Protocol, crop_border, rgb_to_y

__all__ = [
    "L1",
    "MS_SSIM_SIDE",
    "PAIRS_8BIT",
    "SR_BASICSR_Y",
    "SR_MATLAB",
    "SR_RGB",
    "SSIM_WINDOW",
    "Metric",
    "PairMetric",
    "PretrainedWeights",
    "Protocol",
    "Psnr",
    "PsnrRgb",
    "PsnrY",
    "SetMetric",
    "SetsMetric",
    "Ssim",
    "SsimRgb",
    "SsimY",
    "crop_border",
    "l1",
    "ms_ssim",
    "protocols_of",
    "psnr",
    "rgb_to_y",
    "ssim",
]
