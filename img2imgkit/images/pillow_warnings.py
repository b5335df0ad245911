"""Capture Pillow's warnings, per thread.

``warnings.catch_warnings`` swaps process-wide state and is not safe with several decoding threads. Here the first
thread in installs one filter for Pillow's modules and one receiver, the last thread out removes them, and each thread
receives only its own.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_mine = threading.local()


class _Capture:
    """How many threads capture, and what showed warnings before the first one did."""

    threads = 0
    catcher: warnings.catch_warnings[Any] | None = None
    elsewhere: Callable[..., Any] = staticmethod(warnings.showwarning)


@contextmanager
def captured_warnings() -> Iterator[list[str]]:
    """Collect this thread's Pillow warnings, one line each, in place of showing or raising them."""
    outer = getattr(_mine, "lines", None)
    lines: list[str] = []
    _mine.lines = lines
    _enter()
    try:
        yield lines
    finally:
        _leave()
        _mine.lines = outer


def _enter() -> None:
    with _lock:
        _Capture.threads += 1
        if _Capture.threads > 1:
            return
        _Capture.catcher = warnings.catch_warnings()
        _Capture.catcher.__enter__()
        _Capture.elsewhere = warnings.showwarning
        warnings.filterwarnings("always", module=r"PIL(\.|$)")
        warnings.showwarning = _receive


def _leave() -> None:
    with _lock:
        _Capture.threads -= 1
        if _Capture.threads == 0 and _Capture.catcher is not None:
            _Capture.catcher.__exit__(None, None, None)
            _Capture.catcher = None


def _receive(message: Warning | str, *rest: Any, **named: Any) -> None:
    lines = getattr(_mine, "lines", None)
    if lines is None:
        _Capture.elsewhere(message, *rest, **named)
        return
    line = " ".join(str(message).split())
    if line not in lines:
        lines.append(line)
