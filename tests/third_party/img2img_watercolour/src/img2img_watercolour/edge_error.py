"""A metric: how far the edges of two pictures are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

import img2imgkit as kit


class EdgeError(kit.PairMetric):
    """Mean absolute difference between the edges of two pictures."""

    name = "edge-error"
    label = "Edge error"
    higher_is_better = False
    unit = "levels"
    digits = 3
    minimum_size = 2

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        apart = reference - picture
        return float(np.mean([np.abs(np.diff(apart, axis=axis)).mean() for axis in (0, 1)]))


@kit.hookimpl
def register_metrics(register: Any) -> None:
    register(EdgeError)
