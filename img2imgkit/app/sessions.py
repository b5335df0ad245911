"""Who may use the page: a one-time launch token, or a password, becomes a session; nothing is written to disk."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time

from img2imgkit.errors import RequestError

TRIES, WINDOW = 5, 60.0  # wrong passwords in so many seconds


class Sessions:
    """The sessions of one server.

    Args:
        password: what a user has to state where the page is not opened by the launch token; None: only the token opens

    Attributes:
        area: a secret first part of every address. Browsers send the cookies of a host to all its ports, so that a
            server of another user of this machine would be sent ours; they do not send them outside their path.
    """

    def __init__(self, password: str | None = None) -> None:
        self.area = secrets.token_urlsafe(18)
        self._token: bytes | None = None
        self._password = None if password is None else _digest(password)
        self._lock = threading.Lock()
        self._open: set[bytes] = set()
        self._wrong: list[float] = []

    @property
    def has_password(self) -> bool:
        """Whether a password opens the page."""
        return self._password is not None

    def new_token(self) -> str:
        """A launch token, which opens the page once. The one before it no longer does."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._token = _digest(token)
        return token

    def redeem(self, token: str) -> str:
        """A new session for the launch token. Raises RequestError: it is wrong, or was used before."""
        with self._lock:
            if self._token is None or not secrets.compare_digest(_digest(token), self._token):
                raise RequestError("this address has been used, or is wrong: start img2img app again", 403)
            self._token = None
            return self._new()

    def log_in(self, password: str) -> str:
        """A new session for the password. Raises RequestError: it is wrong, or was wrong too often."""
        with self._lock:
            now = time.monotonic()
            self._wrong = [each for each in self._wrong if now - each < WINDOW]
            if len(self._wrong) >= TRIES:
                raise RequestError("too many wrong passwords: wait a minute", 429)
            if self._password is None or not secrets.compare_digest(_digest(password), self._password):
                self._wrong.append(now)
                raise RequestError("the password is wrong", 403)
            return self._new()

    def is_open(self, session: str | None) -> bool:
        """Whether a cookie is that of a session."""
        return session is not None and _digest(session) in self._open

    def _new(self) -> str:
        session = secrets.token_urlsafe(32)
        self._open.add(_digest(session))
        return session


def _digest(text: str) -> bytes:
    """A digest, which takes the same time to compare wherever texts differ."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
