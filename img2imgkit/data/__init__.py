"""Training data: one reader per data kind; a sample is a function of (seed, position) alone."""

from img2imgkit.data.degraded import DegradedOptions, DegradedReader
from img2imgkit.data.pictures import refuse
from img2imgkit.data.prefetch import Prefetch
from img2imgkit.data.reader import Arrays, Contents, Reader
from img2imgkit.task import Geometry

DataOptions = DegradedOptions  # a discriminated union over ``kind`` once there is a second kind

__all__ = [
    "Arrays",
    "Contents",
    "DataOptions",
    "DegradedOptions",
    "DegradedReader",
    "Prefetch",
    "Reader",
    "open_reader",
]


def open_reader(options: DataOptions, geometry: Geometry) -> Reader:
    """The reader of the options' kind, for a task of that geometry.

    Raises:
        DataError: every option that does not fit the task, or every folder and picture that cannot be used, by name.
    """
    refuse([f"data.{option}: {problem}" for option, problem in options.unsuited(geometry)])
    reader = DegradedReader(options, geometry)
    refuse(reader.problems)
    return reader
