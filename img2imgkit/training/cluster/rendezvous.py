"""Machines wait for each other here, where Ctrl-C reaches them: TensorFlow's own waiting cannot be interrupted.

Every other machine knocks at the first one's port, says its number and keeps the line open; when all are there, the
first one lets them go, and the port is TensorFlow's.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from img2imgkit.errors import TrainingError

_PAUSE = 0.2  # seconds between two looks at whether to stop
_PATIENCE = 2.0  # seconds for an answer of a machine that is there
_HELLO, _GO = "img2img machine", b"go"
_LONGEST = 64  # bytes of a greeting


class Stopped(Exception):
    """Whoever waits for other machines was asked to stop."""


def meet(addresses: tuple[str, ...], index: int, stopped: Callable[[], bool]) -> None:
    """Return when all machines have called this; ``addresses`` are the same everywhere, ``index`` is this one's.

    Raises:
        TrainingError: this machine's port cannot be opened.
        Stopped: ``stopped()``.
    """
    with ExitStack() as lines:
        door = lines.enter_context(_door(addresses[index]))
        if index == 0:
            others = _all_others(door, len(addresses), stopped, lines)
            for line in others:
                with suppress(OSError):  # it will be missed by TensorFlow
                    line.sendall(_GO)
        else:
            door.close()
            _knock(addresses[0], index, stopped)


def _door(address: str) -> socket.socket:
    try:
        door = socket.create_server(("", int(address.rpartition(":")[2])))
    except OSError as error:
        raise TrainingError(
            f"this machine's port, of {address} in TF_CONFIG, cannot be opened: {error}; name a free one everywhere"
        ) from error
    door.settimeout(_PAUSE)
    return door


def _all_others(door: socket.socket, count: int, stopped: Callable[[], bool], lines: ExitStack) -> list[socket.socket]:
    present: dict[int, socket.socket] = {}
    while len(present) < count - 1:
        if stopped():
            raise Stopped
        with suppress(OSError):  # nobody came, or somebody left at once
            line = lines.enter_context(door.accept()[0])
            number = _greeting(line, count)
            if number:
                present[number] = line
        present = {number: line for number, line in present.items() if _is_open(line)}
    return list(present.values())


def _greeting(line: socket.socket, count: int) -> int | None:
    """The number of the machine that knocks; None for whoever else does."""
    line.settimeout(_PATIENCE)
    words, _, number = line.recv(_LONGEST).decode("ascii", "replace").rpartition(" ")
    known = words == _HELLO and number.isdigit() and 0 < int(number) < count
    return int(number) if known else None


def _is_open(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return bool(line.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _knock(address: str, index: int, stopped: Callable[[], bool]) -> None:
    host, _, port = address.rpartition(":")
    while True:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=_PATIENCE) as line:
            line.sendall(f"{_HELLO} {index}".encode())
            if _is_let_go(line, stopped):
                return
        if stopped():
            raise Stopped
        time.sleep(_PAUSE)


def _is_let_go(line: socket.socket, stopped: Callable[[], bool]) -> bool:
    """Whether the answer came; False when the line broke before."""
    line.settimeout(_PAUSE)
    while not stopped():
        try:
            return line.recv(len(_GO)) == _GO
        except TimeoutError:
            continue
    return False
