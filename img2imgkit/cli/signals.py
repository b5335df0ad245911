"""Ctrl-C, SIGTERM and SIGHUP: the first signal requests a stop; a second Ctrl-C or SIGTERM ends the process."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

CLEAR_LINE = b"\r\x1b[2K"  # it may contain a progress bar and the terminal's ^C

_HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows


class Stop(threading.Event):
    """Set by the first signal.

    Attributes:
        exit_code: 128 plus the signal number, as in shells: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP
    """

    exit_code = 128 + signal.SIGINT


@contextmanager
def stopping_on_signals(message: str) -> Iterator[Stop]:
    """The first signal prints ``message`` and sets the event; a second one ends the process immediately.

    SIGHUP, which a closed terminal sends, sometimes twice, never ends it. Where it is ignored, as under nohup, it stays
    so. Only for work that replaces files atomically, so that no moment leaves incomplete files.
    """
    stop = Stop()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            if number == _HANG_UP:
                return
            os._exit(128 + number)
        stop.exit_code = 128 + number
        stop.set()
        with suppress(OSError):  # not through sys.stderr, which may be in the middle of a write
            os.write(2, (CLEAR_LINE if os.isatty(2) else b"") + message.encode() + b"\n")

    hang_up = () if _HANG_UP is None or signal.getsignal(_HANG_UP) is signal.SIG_IGN else (_HANG_UP,)
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, *hang_up)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt_at_end_of_input() -> None:
    """Do what Ctrl-C does once standard input ends.

    A program that holds the other end of a pipe can so stop this one on every system, and this one does not outlive it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which may be ignored in the background
    threading.Thread(target=_interrupt_at_end, name="end of input", daemon=True).start()


def _interrupt_at_end() -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    if os.name == "nt":
        _thread.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGINT)  # wakes the main thread, whatever it waits for
