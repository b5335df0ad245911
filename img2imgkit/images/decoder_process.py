"""Decode pictures in a process of its own: the program that ``decoder_pool`` starts.

It reads one JSON line for each picture from standard input, and answers on standard output: the length of a message in
8 bytes, and the message, a pickle. Pixels go to the file that is shared with the parent, or follow the message.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import struct
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from img2imgkit.errors import DecodeError
from img2imgkit.images.decode import decode_here
from img2imgkit.images.decoders import Wanted
from img2imgkit.images.limits import limits, set_limits
from img2imgkit.images.picture import Picture
from img2imgkit.places import Limits

if sys.platform == "linux":
    import resource

LENGTH = struct.Struct(">Q")
PIXELS = ("color", "alpha")
_GRACE = 5.0  # seconds after the parent should have ended this process


def serve(stated_limits: str, shared_descriptor: str) -> None:
    """Answer requests until standard input ends.

    Args:
        stated_limits: ``Limits`` as JSON
        shared_descriptor: the descriptor of the file for pixels; "" if there is none
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print
    set_limits(Limits.model_validate_json(stated_limits))
    _limit_memory(limits().memory)
    shared = os.fdopen(int(shared_descriptor), "r+b", buffering=0) if shared_descriptor else None
    _send(answers, {})
    for line in sys.stdin.buffer:
        with _alarm(limits().seconds + _GRACE):
            message, pixels = _answer(json.loads(line))
            if shared is not None:
                shared.seek(0)
                _write(shared, pixels)
        _send(answers, message)
        if shared is None:
            _write(answers, pixels)
            answers.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], list[np.ndarray]]:
    with contextlib.suppress(OSError):
        os.chdir(request.pop("folder"))  # so that a relative path is the same file, and the same in messages
    try:
        picture = decode_here(Path(request["path"]), Wanted(**request["wanted"]))
    except DecodeError as error:
        why = f"; `limits.memory` allows {limits().memory:,} bytes" if isinstance(error.__cause__, MemoryError) else ""
        return {"error": (type(error).__name__, f"{error}{why}")}, []
    pixels = {name: array for name in PIXELS if (array := getattr(picture, name)) is not None}
    rest = {field.name: getattr(picture, field.name) for field in fields(Picture) if field.name not in PIXELS}
    return {
        "pixels": {name: (array.shape, array.dtype.name) for name, array in pixels.items()},
        "rest": rest,
    }, list(pixels.values())


def _send(answers: BinaryIO, message: dict[str, Any]) -> None:
    data = pickle.dumps(message)
    answers.write(LENGTH.pack(len(data)) + data)
    answers.flush()


def _write(file: BinaryIO, pixels: list[Any]) -> None:
    for array in pixels:
        whole: Any = np.ascontiguousarray(array)
        left = memoryview(whole).cast("B")
        while left:
            left = left[file.write(left) :]


@contextlib.contextmanager
def _alarm(seconds: float) -> Any:
    """End this process after a time, in case that its parent has died and cannot do so."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(most: int) -> None:
    """Let this process use ``most`` bytes more than it has now. Only Linux keeps such a limit."""
    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + most
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
