"""The guard by itself: each request that is not one of the page is refused before anything else sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from img2imgkit.app.guard import MAX_JSON, Address, Guard, TooLong, cookie_of
from img2imgkit.app.sessions import Sessions

ORIGIN, HOST = "http://127.0.0.1:8000", "127.0.0.1:8000"
USUAL = {"host": HOST, "origin": ORIGIN, "content-type": "application/json"}


class Reached:
    """The application behind the guard."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        try:
            self.bodies.append((await receive()).get("body", b""))
        except TooLong:
            self.bodies.append(b"too long")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Guarded:
    """A guard with a session."""

    def __init__(self, password: str | None = None) -> None:
        self.sessions, self.reached = Sessions(password), Reached()
        self.session = self.sessions.redeem(self.sessions.new_token())
        self.guard = Guard(self.reached, self.sessions, Address("http", "127.0.0.1", 8000), frozenset({"/launch"}))

    def ask(self, method: str, path: str, headers: Mapping[str, Any], body: bytes = b"", inside: bool = True) -> Any:
        """The messages that are sent for a request."""
        sent: list[Any] = []
        named = [(name.encode(), str(value).encode()) for name, value in headers.items() if value is not None]
        where = f"/{self.sessions.area}{path}" if inside else path
        scope = {"type": "http", "method": method, "path": where, "raw_path": b"", "headers": named}

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.guard(scope, receive, send))
        return sent

    def status(self, method: str = "GET", path: str = "/api/state", inside: bool = True, **changed: Any) -> int:
        """The status of a request like the page's, with other headers."""
        cookie = {"cookie": f"a=b; img2img={self.session}"}
        headers = {**USUAL, **cookie, **{name.replace("_", "-"): value for name, value in changed.items()}}
        return int(self.ask(method, path, headers, inside=inside)[0]["status"])


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()


def test_a_request_of_the_page_reaches_it_without_the_secret_part(guarded: Guarded) -> None:
    assert guarded.status() == guarded.status("POST", "/api/batches") == 200
    assert guarded.reached.paths == ["/api/state", "/api/batches"]


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "127.0.0.1", "localhost:8000", "127.0.0.1:8001", f"{HOST}."]
)
def test_other_hosts_are_refused(guarded: Guarded, host: str | None) -> None:
    assert guarded.status(host=host) == 421
    assert not guarded.reached.paths


def test_two_hosts_are_refused(guarded: Guarded) -> None:
    headers = {**USUAL, "cookie": f"img2img={guarded.session}", "Host": HOST}
    named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": f"/{guarded.sessions.area}/", "headers": named}
    asyncio.run(guarded.guard(scope, send, send))
    assert sent[0]["status"] == 421


@pytest.mark.parametrize("cookie", [None, "", "img2img=", "img2img=wrong", "other=1", 'img2img="', "a;;=;"])
def test_without_a_session_nothing_is_answered(guarded: Guarded, cookie: str | None) -> None:
    for path in ("/", "/api/state", "/static/page.js", "/api/nothing"):
        assert guarded.status(path=path, cookie=cookie) == 401
    assert guarded.status("POST", "/api/batches", cookie=cookie) == 401
    assert not guarded.reached.paths


def test_outside_the_secret_part_nothing_is_answered(guarded: Guarded) -> None:
    for path in ("/", "/api/state", "/launch", "/wrong/launch"):
        assert guarded.status(path=path, inside=False) == 401


def test_a_launch_needs_no_session_and_may_come_from_a_file(guarded: Guarded) -> None:
    assert guarded.status(path="/launch", cookie=None, sec_fetch_site="cross-site") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:8001", "https://127.0.0.1:8000"]
)
def test_changes_of_another_origin_are_refused(guarded: Guarded, method: str, origin: str | None) -> None:
    assert guarded.status(method, "/api/batches", origin=origin) == 403
    assert not guarded.reached.paths


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_may_not_even_read(guarded: Guarded, site: str) -> None:
    assert guarded.status(sec_fetch_site=site) == 403
    assert guarded.status(sec_fetch_site="same-origin") == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_changes_are_json(guarded: Guarded, kind: str | None) -> None:
    assert guarded.status("POST", "/api/batches", content_type=kind) == 415
    assert guarded.status("PUT", "/api/inboxes/a/files", content_type=kind) == 415


def test_long_requests_are_refused_whatever_they_state(guarded: Guarded) -> None:
    assert guarded.status("POST", "/api/batches", content_length=MAX_JSON + 1) == 413
    cookie = {"cookie": f"img2img={guarded.session}"}
    guarded.ask("POST", "/api/batches", {**USUAL, **cookie}, body=b"x" * (MAX_JSON + 1))
    assert guarded.reached.bodies == [b"too long"]


def test_every_answer_has_the_policy(guarded: Guarded) -> None:
    for headers in ({"host": "evil"}, {**USUAL, "cookie": f"img2img={guarded.session}"}):
        stated = dict(guarded.ask("GET", "/", headers)[0]["headers"])
        policy = stated[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert (stated[b"x-content-type-options"], stated[b"cache-control"]) == (b"nosniff", b"no-store")


def test_the_cookie_stays_on_its_page() -> None:
    cookie = cookie_of("secret", "area", secure=True)
    assert cookie == "img2img=secret; Path=/area/; HttpOnly; SameSite=Strict; Secure"


def test_refusals_are_json(guarded: Guarded) -> None:
    assert "error" in json.loads(guarded.ask("GET", "/", {"host": "evil"})[1]["body"])


def test_web_sockets_are_not_answered(guarded: Guarded) -> None:
    asyncio.run(guarded.guard({"type": "websocket"}, None, None))  # type: ignore[arg-type]
    assert not guarded.reached.paths


@pytest.mark.parametrize(
    ("address", "origin"),
    [(Address("http", "::1", 80), "http://[::1]"), (Address("https", "a.example", 444), "https://a.example:444")],
)
def test_origins_are_written_as_browsers_do(address: Address, origin: str) -> None:
    assert address.origin == origin
