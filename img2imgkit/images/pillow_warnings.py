"""Capture Pillow's warnings, per thread.

``warnings.catch_warnings`` changes process-wide state and is not thread-safe. Here the first thread to enter installs a
filter for Pillow's modules and a handler, the last thread to leave removes them, and each thread receives only its own
warnings.
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
    """Process-wide state: the number of capturing threads, and the handler before the first one."""

    threads = 0
    catcher: warnings.catch_warnings[Any] | None = None
    original: Callable[..., Any] = staticmethod(warnings.showwarning)


@contextmanager
def captured_warnings() -> Iterator[list[str]]:
    """Collect this thread's Pillow warnings, one line each, instead of showing or raising them."""
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
        _Capture.original = warnings.showwarning
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
        _Capture.original(message, *rest, **named)
        return
    line = " ".join(str(message).split()).replace("; ", ", ")  # "; " separates notes
    if line not in lines:
        lines.append(line)
