"""Measuring a method: against a reference set, so that its figures compare with published ones, or against pairs."""

from img2imgkit.evaluation.pairs import Pair, PairSet, copied, evaluate_pairs, find_pairs, results_in
from img2imgkit.evaluation.record import record
from img2imgkit.evaluation.reference_set import ReferenceSet, Sample, find_set
from img2imgkit.evaluation.result import Evaluation, Row
from img2imgkit.evaluation.score import BICUBIC, Method, evaluate, translated

__all__ = [
    "BICUBIC",
    "Evaluation",
    "Method",
    "Pair",
    "PairSet",
    "ReferenceSet",
    "Row",
    "Sample",
    "copied",
    "evaluate",
    "evaluate_pairs",
    "find_pairs",
    "find_set",
    "record",
    "results_in",
    "translated",
]
