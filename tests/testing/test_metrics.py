"""Contract tests for metrics: valid ones pass, and each clause catches its violation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toy_metrics import ALL, Contrast, Weighted, Worst

import img2imgkit as kit
from img2imgkit.metrics import Protocol
from img2imgkit.testing import check_metric

HEADS = {"heads": {"scale": np.array(2.0)}}


@pytest.mark.parametrize("metric", [each for each in ALL if not each.needs], ids=lambda metric: metric.name)
def test_metrics_that_keep_their_contract_pass(metric: type[kit.Metric]) -> None:
    check_metric(metric)


def test_a_metric_with_weights_passes_with_and_without_what_it_does_not_require() -> None:
    check_metric(Weighted, HEADS)
    check_metric(Weighted, {**HEADS, "bias": {"bias": np.array(1.0)}})


def worst(**changes: Any) -> type[kit.PairMetric]:
    return type("Changed", (Worst,), {"__doc__": "A metric.", **changes})


def in_place(metric: Any, reference: np.ndarray, picture: np.ndarray) -> float:
    picture -= reference
    return float(np.abs(picture).max())


def counted(metric: Any, reference: np.ndarray, picture: np.ndarray) -> float:
    metric.calls = getattr(metric, "calls", 0) + 1
    return float(np.abs(reference - picture).max()) + metric.calls


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (worst(name="Worst Level"), "name is 'Worst Level'"),
        (worst(__doc__=""), "has no docstring"),
        (worst(digits=-1), "digits is -1"),
        (worst(protocols=(Protocol("mine", ""),)), "protocol 'mine' has no 'about'"),
        (worst(higher_is_better=True), "higher_is_better is True"),
        (worst(compare=lambda *_: 3.0), "returned 3.0 for equal pictures, 3.0 for noisy ones"),
        (worst(compare=lambda *_: float("nan")), "rejects pictures: metric 'worst' returned nan"),
        (worst(compare=in_place), "modified its input pictures"),
        (worst(compare=counted), "not deterministic"),
        (
            worst(higher_is_better=True, compare=lambda _, a, b: 1 / np.abs(a - b).max() if (a != b).any() else np.inf),
            "set a finite 'ceiling'",
        ),
        (worst(measure=lambda *_: 1.0), "returned 1.0 for equal pictures"),
        (
            worst(measure=lambda metric, a, b: float(np.abs(a[:9, :9] - b[:9, :9]).max())),
            r"shapes \(33, 32, 3\) and \(32, 32, 3\) must raise a ValueError that names both, got a score",
        ),
        (
            type("Empty", (Contrast,), {"__doc__": "A metric.", "measure": lambda metric, a, b: metric.of_any(a, b),
                 "of_any": lambda metric, a, b: metric.compare(np.stack(a), np.stack(b)) if a else 0.0}),
            "an empty set must raise a ValueError",
        ),
        (type("Free", (Weighted,), {"__doc__": "No source."}), "cites no source"),
    ],
)  # fmt: skip
def test_violations_of_the_contract_are_caught(metric: type[kit.Metric], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_metric(metric)


def test_missing_required_weights_must_be_rejected() -> None:
    silent = type("Silent", (Weighted,), {"__doc__": Weighted.__doc__, "__init__": lambda metric, weights=None: None})
    with pytest.raises(AssertionError, match="can be constructed without the required weights 'heads'"):
        check_metric(silent, HEADS)
    with pytest.raises(AssertionError, match="needs 'heads': pass its weights to check_metric"):
        check_metric(Weighted)


def test_a_metric_of_two_sorts_is_rejected() -> None:
    both = type("Both", (Worst, Contrast), {"__doc__": "A metric."})
    with pytest.raises(AssertionError, match="one of PairMetric, SetsMetric and SetMetric"):
        check_metric(both)
