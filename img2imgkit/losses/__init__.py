"""Losses: plain functions that give one number per image, shape (N,). The trainer alone reduces over images."""

from img2imgkit.losses.adversarial import hinge, lsgan, relativistic, vanilla, wasserstein
from img2imgkit.losses.penalties import dragan_points, gradient_penalty, interpolate, squared_gradient
from img2imgkit.losses.reconstruction import charbonnier, l1, l2

__all__ = [
    "charbonnier",
    "dragan_points",
    "gradient_penalty",
    "hinge",
    "interpolate",
    "l1",
    "l2",
    "lsgan",
    "relativistic",
    "squared_gradient",
    "vanilla",
    "wasserstein",
]
