"""Training data: one reader per data kind; a sample is a function of (seed, position) alone."""

from img2imgkit.data.degraded import DegradedOptions, DegradedReader
from img2imgkit.data.few_shot import FewShotOptions, FewShotReader
from img2imgkit.data.kinds import DataOptions, Inspection, inspect_data, open_reader
from img2imgkit.data.labelled import LabelledOptions, LabelledReader
from img2imgkit.data.paired import PairedOptions, PairedReader
from img2imgkit.data.prefetch import Prefetch
from img2imgkit.data.reader import Arrays, Contents, Reader, stacked
from img2imgkit.data.semantic import SemanticOptions, SemanticReader
from img2imgkit.data.unpaired import UnpairedOptions, UnpairedReader

__all__ = [
    "Arrays",
    "Contents",
    "DataOptions",
    "DegradedOptions",
    "DegradedReader",
    "FewShotOptions",
    "FewShotReader",
    "Inspection",
    "LabelledOptions",
    "LabelledReader",
    "PairedOptions",
    "PairedReader",
    "Prefetch",
    "Reader",
    "SemanticOptions",
    "SemanticReader",
    "UnpairedOptions",
    "UnpairedReader",
    "inspect_data",
    "open_reader",
    "stacked",
]
