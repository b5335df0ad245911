"""Refuses requests that do not come from the page, before anything else looks at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from img2imgkit.app.sessions import Sessions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "img2img"
MAX_JSON = 1 << 20  # bytes of a request, other than an upload
UPLOAD = "application/octet-stream"
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True)
class Address:
    """Where the page is: ``http://127.0.0.1:8000``."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What a browser states as ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What a browser states as ``Origin``."""
        return f"{self.scheme}://{self.authority}"


class Guard:
    """Middleware: lets only requests of the page through, without the secret part of their address.

    Args:
        app: answers the other requests
        address: the only host and origin
        open_paths: what is answered without a session, such as the address that a launch opens
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, address: Address, open_paths: frozenset[str]) -> None:
        self._app, self._sessions, self._address, self._open = app, sessions, address, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        sender = _with_headers(send)
        if refusal := self._refusal(scope):
            await _refuse(sender, *refusal)
            return
        limited = receive if _header(scope, b"content-type") == UPLOAD else _limited(receive, MAX_JSON)
        inside = {**scope, "path": self._inner(scope["path"]), "raw_path": None, "root_path": ""}
        await self._app(inside, limited, sender)

    def _inner(self, path: str) -> str:
        return path.removeprefix(f"/{self._sessions.area}")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and reason of a refusal; None if the request is one of the page."""
        if _values(scope, b"host") != [self._address.authority]:
            return 421, "this host is not served here"
        if not scope["path"].startswith(f"/{self._sessions.area}/"):
            return 401, "open the page from the terminal: img2img app"
        path = self._inner(scope["path"])
        site = _header(scope, b"sec-fetch-site")
        if site in ("cross-site", "same-site") and path not in ("/", "/launch"):
            return 403, "this request comes from another page"
        if path not in self._open and not self._sessions.is_open(self._session(scope)):
            return 401, "log in first" if self._sessions.has_password else "open the page from the terminal"
        return None if scope["method"] in ("GET", "HEAD") else self._refused_change(scope)

    def _refused_change(self, scope: Scope) -> tuple[int, str] | None:
        if _values(scope, b"origin") != [self._address.origin]:
            return 403, "this request comes from another page"
        wanted = UPLOAD if scope["method"] == "PUT" else "application/json"
        if _header(scope, b"content-type").partition(";")[0].strip().lower() != wanted:
            return 415, f"expected the content type {wanted}"
        stated = _header(scope, b"content-length")
        if scope["method"] != "PUT" and stated.isdecimal() and int(stated) > MAX_JSON:
            return 413, "too long a request"
        return None

    @staticmethod
    def _session(scope: Scope) -> str | None:
        try:
            found = SimpleCookie("; ".join(_values(scope, b"cookie"))).get(COOKIE)
        except CookieError:
            return None
        return None if found is None else found.value


def cookie_of(session: str, area: str, secure: bool) -> str:
    """The header that gives a browser its session."""
    return f"{COOKIE}={session}; Path=/{area}/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _header(scope: Scope, name: bytes) -> str:
    return ", ".join(_values(scope, name))


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {key.lower() for key, _ in message["headers"]}
            more = [(key.encode(), value.encode()) for key, value in HEADERS.items() if key.encode() not in there]
            if b"cache-control" not in there:
                more.append((b"cache-control", b"no-store"))
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return sender


class TooLong(Exception):
    """A request is longer than it may be."""


def _limited(receive: Receive, most: int) -> Receive:
    """Ends a request that is longer than stated, or states no length."""
    read = 0

    async def receiver() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise TooLong
        return message

    return receiver


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers: Mapping[str, Any] = {"content-type": "application/json", "content-length": str(len(body))}
    stated = [(key.encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": stated})
    await send({"type": "http.response.body", "body": body})
