"""Losses: plain functions that give one number per image, shape (N,). The trainer alone reduces over images."""

from img2imgkit.losses.reconstruction import charbonnier, l1, l2

__all__ = ["charbonnier", "l1", "l2"]
