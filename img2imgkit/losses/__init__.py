"""Losses: plain functions that return one number per image, shape (N,). Only the trainer reduces over images."""

from img2imgkit.losses.adversarial import hinge, lsgan, relativistic, vanilla, wasserstein
from img2imgkit.losses.entropies import binary_cross_entropy, cross_entropy, kl_divergence, patch_nce
from img2imgkit.losses.features import feature_matching, gram, lpips, perceptual, style
from img2imgkit.losses.penalties import dragan_points, gradient_penalty, interpolate, mean_slope, squared_gradient
from img2imgkit.losses.reconstruction import charbonnier, frobenius, l1, l2, ms_ssim_loss, ssim_loss, total_variation

__all__ = [
    "binary_cross_entropy",
    "charbonnier",
    "cross_entropy",
    "dragan_points",
    "feature_matching",
    "frobenius",
    "gradient_penalty",
    "gram",
    "hinge",
    "interpolate",
    "kl_divergence",
    "l1",
    "l2",
    "lpips",
    "lsgan",
    "mean_slope",
    "ms_ssim_loss",
    "patch_nce",
    "perceptual",
    "relativistic",
    "squared_gradient",
    "ssim_loss",
    "style",
    "total_variation",
    "vanilla",
    "wasserstein",
]
