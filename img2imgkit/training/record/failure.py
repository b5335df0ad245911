"""What ended a training, in words, and what to change before it is resumed."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import tensorflow as tf

from img2imgkit.errors import DataError, ToolkitError

_LIBRARIES = ("tensorflow", "keras", "numpy")
_HEADINGS = ("Graph execution error", "Detected at node")
_MAX_TEXT = 300  # characters of an error of TensorFlow, which may list whole graphs


def described(error: BaseException, step: int) -> str:
    """Say what failed in a step, counted from 1, and what to do before the run is resumed."""
    match error:
        case DataError():
            return f"step {step}: {error}. Repair or remove this file, and what belongs to it, then resume the run"
        case ToolkitError():
            return str(error)
        case tf.errors.ResourceExhaustedError():
            return (
                f"step {step}: out of memory on the device ({_first_line(error)}). End other programs that use it, or "
                "raise training.micro_batches, which a resumed run may change; then resume the run"
            )
        case MemoryError():
            return (
                f"step {step}: out of memory{_text(error)}. End other programs, or lower data.cache, which a resumed "
                "run may change; then resume the run"
            )
    return (
        f"step {step}: {type(error).__name__}{_text(error)}{_place(error)}. Fix the cause, such as the code of a "
        "plugin, then resume the run"
    )


def precedes_updates(error: BaseException) -> bool:
    """Whether an error of a step was raised while its graph was built, so that no variable has been updated."""
    return isinstance(error, Exception) and not isinstance(error, tf.errors.OpError | MemoryError)


def _text(error: BaseException) -> str:
    line = _first_line(error)
    return f": {line}" if line else ""


def _first_line(error: BaseException) -> str:
    """The first line that tells something: TensorFlow puts the place in the graph before it."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    line = next((line for line in lines if not line.startswith(_HEADINGS)), "")
    line = re.sub(r"^\{\{.*?\}\} ", "", line)
    return line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}..."


def _place(error: BaseException) -> str:
    """The innermost line of code outside the libraries that call it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not {*_LIBRARIES} & {*Path(frame.filename).parts}]
    return f" ({own[-1].filename}, line {own[-1].lineno}, in {own[-1].name})" if own else ""
