"""Gradient magnitude similarity deviation, as a metric of pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import img2imgkit as kit

_CONSTANT = 170.0  # of the paper, for levels of 0 to 255


class Gmsd(kit.PairMetric):
    """How unevenly the edges of a picture resemble those of its reference (https://arxiv.org/abs/1308.3052)."""

    name = "gmsd"
    label = "GMSD"
    higher_is_better = False
    digits = 4
    minimum_size = 8

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        first, second = (_gradients(_halved(each.mean(axis=2))) for each in (reference, picture))
        similarity = (2 * first * second + _CONSTANT) / (first**2 + second**2 + _CONSTANT)
        return float(similarity.std())


def _halved(levels: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, as the paper views pictures from a distance. Shapes: (H, W) -> (H // 2, W // 2)."""
    height, width = (side // 2 * 2 for side in levels.shape)
    blocks = levels[:height, :width].reshape(height // 2, 2, width // 2, 2)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _gradients(levels: np.ndarray) -> np.ndarray:
    """Magnitudes of Prewitt gradients. Shapes: (H, W) -> (H - 2, W - 2)."""
    across = (levels[:, 2:] - levels[:, :-2]) / 3
    down = (levels[2:] - levels[:-2]) / 3
    across = across[:-2] + across[1:-1] + across[2:]
    down = down[:, :-2] + down[:, 1:-1] + down[:, 2:]
    return np.hypot(across, down)


@kit.hookimpl
def register_metrics(register: Callable[[type[kit.Metric]], None]) -> None:
    """Add the metric."""
    register(Gmsd)
