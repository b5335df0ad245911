"""The error of a run whose folder cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from img2imgkit.errors import TrainingError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate an OSError into one that names the file and says how to continue.

    Raises:
        TrainingError: the file cannot be written, such as on a full disk.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot write it: {error.strerror or error}. Earlier files are complete; "
            "fix the cause, then resume the run"
        ) from error
