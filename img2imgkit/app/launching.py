"""The file by which a browser opens the page: only its user can read it, and no command line shows the token."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

NAME = "open.html"
_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>img2img</title>
<p>Opening <a href="{url}">img2img</a>.</p>
"""


@contextmanager
def redirect_file(folder: Path, url: str) -> Iterator[Path]:
    """A file that sends a browser to ``url``, with mode 0600, for as long as the body runs.

    Raises:
        OSError: it cannot be written.
    """
    path = folder / NAME
    with suppress(FileNotFoundError):
        path.unlink()  # of a server that was killed
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_PAGE.format(url=escape(url)).encode())
        yield path
    finally:
        with suppress(OSError):
            path.unlink()


def open_browser(path: Path) -> bool:
    """Open the user's browser with a file; whether there is one."""
    return webbrowser.open(path.as_uri())
