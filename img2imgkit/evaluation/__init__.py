"""Evaluation of a method: on a reference set, comparable with published scores, or on pairs."""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.evaluation.pairs import (
    Pair,
    PairSet,
    copy_baseline,
    evaluate_pairs,
    find_pairs,
    match_folders,
    results_in,
)
from img2imgkit.evaluation.reference_set import ReferenceSet, Sample, find_set
from img2imgkit.evaluation.result import Evaluation, Row, record
from img2imgkit.evaluation.score import BICUBIC, Method, evaluate, translated
from img2imgkit.evaluation.scoring import Scoring, Tally, find_scoring, read_arrays
from img2imgkit.hooks import hookimpl
from img2imgkit.metrics import L1, Metric, Psnr, PsnrRgb, PsnrY, Ssim, SsimRgb, SsimY

__all__ = [
    "BICUBIC",
    "Evaluation",
    "Method",
    "Pair",
    "PairSet",
    "ReferenceSet",
    "Row",
    "Sample",
    "Scoring",
    "Tally",
    "copy_baseline",
    "evaluate",
    "evaluate_pairs",
    "find_pairs",
    "find_scoring",
    "find_set",
    "match_folders",
    "read_arrays",
    "record",
    "results_in",
    "translated",
]


@hookimpl
def register_metrics(register: Callable[[type[Metric]], None]) -> None:
    """Register the built-in metrics."""
    for metric in (L1, Psnr, Ssim, PsnrY, SsimY, PsnrRgb, SsimRgb):
        register(metric)
