"""Transparency: what colour to show a network where nothing is seen, and how alpha is scaled."""

from __future__ import annotations

import numpy as np

from img2imgkit.images import Picture, resize


def filled(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour with the fully transparent pixels filled from the visible ones around them.

    What a file holds there is arbitrary, often black, and a network would smear it into the visible edge. Each hole
    takes the mean of the smallest aligned block (2, 4, 8, ... pixels) around it that has visible pixels, weighted by
    their alpha ("push-pull", Gortler et al. 1996, The Lumigraph, section 3.4.2).

    Shapes:
        color: (H, W, C), alpha: (H, W, 1), uint8 or uint16 -> (H, W, C) of the same type
    """
    holes = alpha[..., 0] == 0
    if not holes.any() or holes.all():
        return color
    weight = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    smooth = _push_pull(color.astype(np.float32) * weight, weight)
    whole = color.copy()
    whole[holes] = np.rint(smooth[holes]).clip(0, np.iinfo(color.dtype).max).astype(color.dtype)
    return whole


def resampled(alpha: np.ndarray, scale: int) -> np.ndarray:
    """Alpha ``scale`` times as large: bicubic, clipped and rounded; what is opaque everywhere stays exactly opaque.

    Shapes:
        alpha: (H, W, 1), uint8 or uint16 -> (scale * H, scale * W, 1) of the same type
    """
    height, width = (scale * length for length in alpha.shape[:2])
    if alpha.min() == alpha.max():
        return np.full((height, width, 1), alpha.flat[0], alpha.dtype)
    return resize(Picture(alpha, space="grey"), width, height, "bicubic").color


def _push_pull(sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted means; where the weight is 0, the mean of the block around.

    Shapes:
        sums: (H, W, C), weight times colour; weight: (H, W, 1) -> (H, W, C)
    """
    mean = sums / np.maximum(weight, np.float32(1e-12))
    empty = weight[..., 0] == 0
    if empty.any() and max(weight.shape[:2]) > 1:
        coarse = _push_pull(_halved(sums), _halved(weight))
        around = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[: weight.shape[0], : weight.shape[1]]
        mean[empty] = around[empty]
    return mean


def _halved(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of 2 x 2."""
    height, width = values.shape[:2]
    rows = np.add.reduceat(values, np.arange(0, height, 2), axis=0)
    return np.asarray(np.add.reduceat(rows, np.arange(0, width, 2), axis=1))
