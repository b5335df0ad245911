"""Metrics of every sort, as a plugin could provide them."""

from __future__ import annotations

from typing import Any

import numpy as np

import img2imgkit as kit
from img2imgkit.catalog import Plugin
from img2imgkit.metrics import PAIRS_8BIT, Protocol


class Worst(kit.PairMetric):
    """The maximum absolute difference of levels."""

    name = "worst"
    higher_is_better = False
    unit = "levels"
    digits = 0

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        return float(np.abs(reference - picture).max())


class Contrast(kit.SetsMetric):
    """Distance between the mean deviations of two unpaired sets."""

    name = "contrast"
    label = "Contrast"
    higher_is_better = False
    digits = 3

    def features(self, picture: np.ndarray) -> np.ndarray:
        return np.diff(picture, axis=0).std(axis=(0, 1)).mean(keepdims=True)

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        return float(np.linalg.norm(references.mean(axis=0) - pictures.mean(axis=0)))


class MeanColour(kit.SetsMetric):
    """Distance between the mean colours of two sets."""

    name = "mean-colour"
    higher_is_better = False
    unit = "levels"
    digits = 1

    def features(self, picture: np.ndarray) -> np.ndarray:
        return picture.mean(axis=(0, 1))

    def compare(self, references: np.ndarray, pictures: np.ndarray) -> float:
        return float(np.linalg.norm(references.mean(axis=0) - pictures.mean(axis=0)))


class Spread(kit.SetMetric):
    """How much the mean levels of a set's pictures differ."""

    name = "spread"
    higher_is_better = True

    def features(self, picture: np.ndarray) -> np.ndarray:
        return picture.mean(keepdims=True)

    def assess(self, pictures: np.ndarray) -> float:
        return float(pictures.std())


class Weighted(kit.PairMetric):
    """Squared difference by a learned weight of each level (after LPIPS, https://arxiv.org/abs/1801.03924)."""

    name = "weighted"
    higher_is_better = False
    protocols = (PAIRS_8BIT, Protocol("whole", "levels that are not rounded", rounded=False))
    needs = (
        kit.PretrainedWeights("heads", "one number, 'scale'", "https://example.org/heads.npz"),
        kit.PretrainedWeights("bias", "one number, 'bias'", "https://example.org/bias.npz", required=False),
    )

    def compare(self, reference: np.ndarray, picture: np.ndarray) -> float:
        bias = float(self.weights["bias"]["bias"]) if "bias" in self.weights else 0.0
        return float(self.weights["heads"]["scale"]) * float(np.square(reference - picture).mean()) + bias


ALL = (Worst, Contrast, MeanColour, Spread, Weighted)


def plugin(*metrics: type[kit.Metric]) -> Plugin:
    """A plugin "toys" that registers these, or all of them."""

    class Toys:
        @staticmethod
        @kit.hookimpl
        def register_metrics(register: Any) -> None:
            for metric in metrics or ALL:
                register(metric)

    return Plugin("toys", lambda: Toys, "toys", "1.0")
