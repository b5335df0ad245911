"""Measuring a method against a reference set, so that its figures compare with published ones."""

from img2imgkit.evaluation.record import record
from img2imgkit.evaluation.reference import ReferenceSet, Sample, find_set
from img2imgkit.evaluation.score import BICUBIC, Evaluation, Method, Row, evaluate, translated

__all__ = [
    "BICUBIC",
    "Evaluation",
    "Method",
    "ReferenceSet",
    "Row",
    "Sample",
    "evaluate",
    "find_set",
    "record",
    "translated",
]
