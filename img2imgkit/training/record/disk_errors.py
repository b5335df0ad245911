"""What a run says when its folder cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from img2imgkit.errors import TrainingError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file into an error that names the file and the way out.

    Raises:
        TrainingError: the disk is full, or the like.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot write it: {error.strerror or error}. All that was written before is whole: "
            "fix the cause, then resume the run"
        ) from error
