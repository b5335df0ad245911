"""The file by which a browser opens the page: only its user can read it, and no command line shows the token.

A user who has closed the page starts the command again. It leaves a request beside the file, where only the user can,
and the server that is running answers with another token.
"""

from __future__ import annotations

import os
import re
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from html import escape, unescape
from pathlib import Path

from img2imgkit.files import read_text

NAME, AGAIN = "open.html", "open-again"
TICK = 0.25  # seconds between looks for a request
PATIENCE = 10.0  # seconds until a server that does not answer is given up
MAX_PAGE = 1 << 16
_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>img2img</title>
<p>Opening <a href="{url}">img2img</a>.</p>
"""
_URL = re.compile(r'href="([^"]+)"')


class RedirectFile:
    """A file that sends a browser to the page, with mode 0600. A context manager: the file is there inside.

    Args:
        folder: a folder that only the user can write
        url: makes an address that opens the page once; called again for each request

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path, url: Callable[[], str]) -> None:
        self._folder, self._url = folder, url
        self._closed = threading.Event()
        self.path = folder / NAME

    def __enter__(self) -> RedirectFile:
        with suppress(FileNotFoundError):
            (self._folder / AGAIN).unlink()  # for a server that was killed
        self.url = self._write()
        threading.Thread(target=self._answer, name="launches", daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()
        with suppress(OSError):
            self.path.unlink()

    def _write(self) -> str:
        url, fresh = self._url(), self._folder / f".{NAME}"
        with suppress(FileNotFoundError):
            fresh.unlink()
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_PAGE.format(url=escape(url)).encode())
        fresh.replace(self.path)
        return url

    def _answer(self) -> None:
        request = self._folder / AGAIN
        while not self._closed.wait(TICK):
            with suppress(OSError):
                if request.exists():
                    self._write()
                    request.unlink()


def address_again(folder: Path) -> str | None:
    """Another address that opens the page of the server that is running; None if it does not answer."""
    request, end = folder / AGAIN, time.monotonic() + PATIENCE
    with suppress(OSError):
        request.touch(mode=0o600)
        while time.monotonic() < end:
            if not request.exists():
                found = _URL.search(read_text(folder / NAME, MAX_PAGE))
                return unescape(found[1]) if found else None
            time.sleep(TICK / 5)
        request.unlink()
    return None


def open_browser(path: Path) -> bool:
    """Open the user's browser with a file; whether there is one."""
    return webbrowser.open(path.as_uri())
