"""Training data: one reader per data kind; a step's batch is a function of (seed, step) alone."""

from img2imgkit.data.degraded import DegradedOptions, DegradedReader
from img2imgkit.data.prefetch import Prefetch
from img2imgkit.data.reader import Arrays, Reader
from img2imgkit.task import Geometry

DataOptions = DegradedOptions  # a discriminated union over ``kind`` once there is a second kind

__all__ = ["Arrays", "DataOptions", "DegradedOptions", "DegradedReader", "Prefetch", "Reader", "open_reader"]


def open_reader(options: DataOptions, geometry: Geometry) -> Reader:
    """The reader of the options' kind, for a task of that geometry. Reads every picture once.

    Raises:
        DataError: every folder and picture that cannot be used, by name.
    """
    return DegradedReader(options, geometry)
