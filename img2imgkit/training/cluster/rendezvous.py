"""Wait until all machines of a training are up, interruptibly: TensorFlow's own wait ignores Ctrl-C.

Every other machine connects to the first one's port, sends its index and keeps the connection open. Once all are
connected, the first machine tells them to proceed and frees the port for TensorFlow.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from img2imgkit.errors import TrainingError

_POLL = 0.2  # seconds between two checks whether to stop
_TIMEOUT = 2.0  # seconds to connect, or to receive a greeting
_HELLO, _GO = "img2img machine", b"go"
_MAX_GREETING = 64  # bytes


class Stopped(Exception):
    """The caller asked to stop while this machine waited for the others."""


def meet(addresses: tuple[str, ...], index: int, stopped: Callable[[], bool]) -> None:
    """Return once all machines have called this.

    Args:
        addresses: of all machines, in the same order everywhere
        index: of this machine in ``addresses``
        stopped: polled while waiting

    Raises:
        TrainingError: this machine's port cannot be opened.
        Stopped: ``stopped()`` returned True.
    """
    with ExitStack() as connections:
        server = connections.enter_context(_listen(addresses[index]))
        if index == 0:
            others = _accept_all(server, len(addresses), stopped, connections)
            for connection in others:
                with suppress(OSError):  # TensorFlow reports a machine that has gone
                    connection.sendall(_GO)
        else:
            server.close()
            _connect(addresses[0], index, stopped)


def _listen(address: str) -> socket.socket:
    try:
        server = socket.create_server(("", int(address.rpartition(":")[2])))
    except OSError as error:
        raise TrainingError(
            f"TF_CONFIG: cannot open this machine's port, {address}: {error}; state a free port on all machines"
        ) from error
    server.settimeout(_POLL)
    return server


def _accept_all(
    server: socket.socket, count: int, stopped: Callable[[], bool], connections: ExitStack
) -> list[socket.socket]:
    """Return one open connection for each of the other ``count - 1`` machines."""
    present: dict[int, socket.socket] = {}
    while len(present) < count - 1:
        if stopped():
            raise Stopped
        with suppress(OSError):  # no connection yet, or one that was closed immediately
            connection = connections.enter_context(server.accept()[0])
            index = _greeting(connection, count)
            if index:
                present[index] = connection
        present = {index: connection for index, connection in present.items() if _is_open(connection)}
    return list(present.values())


def _greeting(connection: socket.socket, count: int) -> int | None:
    """Return the index of the machine that has connected; None if it does not belong to this training."""
    connection.settimeout(_TIMEOUT)
    words, _, number = connection.recv(_MAX_GREETING).decode("ascii", "replace").rpartition(" ")
    known = words == _HELLO and number.isdigit() and 0 < int(number) < count
    return int(number) if known else None


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _connect(address: str, index: int, stopped: Callable[[], bool]) -> None:
    host, _, port = address.rpartition(":")
    while True:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=_TIMEOUT) as connection:
            connection.sendall(f"{_HELLO} {index}".encode())
            if _may_proceed(connection, stopped):
                return
        if stopped():
            raise Stopped
        time.sleep(_POLL)


def _may_proceed(connection: socket.socket, stopped: Callable[[], bool]) -> bool:
    """Whether the first machine answered; False if the connection broke or the caller stopped."""
    connection.settimeout(_POLL)
    while not stopped():
        try:
            return connection.recv(len(_GO)) == _GO
        except TimeoutError:
            continue
    return False
