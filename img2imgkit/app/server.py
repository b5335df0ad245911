"""Serves the page until it is told to end."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from img2imgkit.app import batch_routes, routes
from img2imgkit.app.desk import Desk
from img2imgkit.app.guard import Address, Guard, TooLong
from img2imgkit.app.launching import RedirectFile
from img2imgkit.app.requests import refused
from img2imgkit.app.sessions import Sessions
from img2imgkit.errors import RequestError, ToolkitError

GRACE = 3  # seconds that open connections get at the end


@dataclass(frozen=True)
class Listening:
    """Where a server listens.

    Attributes:
        host: an address of this machine, as a browser states it
        port: 0: any that is free
        password: what a user of another machine has to state
        certificate, key: files of the certificate for TLS, and of its key
    """

    host: str = "127.0.0.1"
    port: int = 0
    password: str | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def scheme(self) -> str:
        """The scheme of its addresses."""
        return "https" if self.certificate else "http"

    def prove(self) -> None:
        """Check that nothing is served to other machines without a password.

        Raises:
            RequestError: it is, or it is no single address.
        """
        if self.host in ("", "*", "0.0.0.0", "::"):
            raise RequestError(f"{self.host or '(empty)'}: state one address, by which browsers reach this machine")
        if not self.is_local and not self.password:
            raise RequestError(f"{self.host}: other machines can reach this address, so that it needs a password")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"


@dataclass(frozen=True)
class Ready:
    """A server that answers.

    Attributes:
        url: opens the page, once
        login: asks for the password
        file: sends a browser to ``url``
    """

    url: str
    login: str
    file: Path


class _Server(uvicorn.Server):
    """Tells the page and the desk of its end as soon as a signal comes."""

    def __init__(self, config: uvicorn.Config, desk: Desk, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._desk, self._ready = desk, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._desk.ending.set()
        super().handle_exit(sig, frame)


def application(desk: Desk, sessions: Sessions, address: Address) -> ASGIApp:
    """The page behind its guard."""
    handlers: dict[Any, Any] = {ToolkitError: refused, TooLong: refused, HTTPException: _unknown}
    inner = Starlette(routes=[*routes.routes(), *batch_routes.routes()], exception_handlers=handlers)
    inner.state.desk, inner.state.sessions = desk, sessions
    paths = routes.OPEN_WITH_PASSWORD if sessions.has_password else routes.OPEN_PATHS
    return Guard(inner, sessions, address, paths)


def serve(desk: Desk, listening: Listening, ready: Callable[[Ready], object]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        ready: called once the server answers

    Raises:
        RequestError: see ``Listening.prove``; or the address cannot be used.
    """
    listening.prove()
    with _bound(listening) as bound:
        address = Address(listening.scheme, listening.host, bound.getsockname()[1])
        sessions = Sessions(listening.password)
        area = f"{address.origin}/{sessions.area}"
        with RedirectFile(desk.folder, lambda: f"{area}/launch?token={sessions.new_token()}") as redirect:
            config = uvicorn.Config(
                application(desk, sessions, address),
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE,
                ssl_certfile=listening.certificate,
                ssl_keyfile=listening.key,
                lifespan="off",
                ws="none",
            )
            with suppress(KeyboardInterrupt), _ending_by_sigterm():
                opened = Ready(redirect.url, f"{area}/static/login.html", redirect.path)
                _Server(config, desk, lambda: ready(opened)).run([bound])


def _bound(listening: Listening) -> socket.socket:
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
        try:
            bound.bind(place)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise RequestError(f"{listening.host}:{listening.port}: cannot be used: {error.strerror or error}") from None
    return bound


@contextmanager
def _ending_by_sigterm() -> Iterator[None]:
    """The server raises the signal that ended it again: SIGTERM must not end the process before the desk is closed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _unknown(request: Any, error: Exception) -> Any:
    """There is no such address, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refused(request, RequestError("there is no such address", status))
