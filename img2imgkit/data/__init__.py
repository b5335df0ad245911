"""Training data: one reader per data kind; a sample is a function of (seed, position) alone."""

from img2imgkit.data.degraded import DegradedOptions, DegradedReader
from img2imgkit.data.kinds import DataOptions, Inspection, inspect_data, open_reader
from img2imgkit.data.paired import PairedOptions, PairedReader
from img2imgkit.data.prefetch import Prefetch
from img2imgkit.data.reader import Arrays, Contents, Reader
from img2imgkit.data.unpaired import UnpairedOptions, UnpairedReader

__all__ = [
    "Arrays",
    "Contents",
    "DataOptions",
    "DegradedOptions",
    "DegradedReader",
    "Inspection",
    "PairedOptions",
    "PairedReader",
    "Prefetch",
    "Reader",
    "UnpairedOptions",
    "UnpairedReader",
    "inspect_data",
    "open_reader",
]
