"""Metrics in pure numpy, and the named protocols under which their values can be compared."""

from img2imgkit.metrics.fidelity import psnr, ssim
from img2imgkit.metrics.luma import crop_border, rgb_to_y
from img2imgkit.metrics.protocol import PROTOCOLS, Protocol

__all__ = ["PROTOCOLS", "Protocol", "crop_border", "psnr", "rgb_to_y", "ssim"]
