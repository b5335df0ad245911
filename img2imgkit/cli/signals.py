"""Ctrl-C and SIGTERM: the first asks to stop, the second stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

CLEAR_LINE = b"\r\x1b[2K"  # a bar may stand in it, and the terminal's ^C


class Stop(threading.Event):
    """Set by the first signal.

    Attributes:
        exit_code: 128 and the signal's number, as shells count: 130 for Ctrl-C, 143 for SIGTERM
    """

    exit_code = 128 + signal.SIGINT


@contextmanager
def stopping_on_signals(message: str) -> Iterator[Stop]:
    """The first signal says ``message`` and sets the event; the second one ends the process on the spot.

    Only for work whose files are put in place whole, so that nothing is half-written at any moment.
    """
    stop = Stop()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.exit_code = 128 + number
        stop.set()
        with suppress(OSError):  # not through sys.stderr, which may be in the middle of a line
            os.write(2, (CLEAR_LINE if os.isatty(2) else b"") + message.encode() + b"\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
