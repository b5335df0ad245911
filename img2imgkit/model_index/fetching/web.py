"""Files with an address, over https; redirections to anything else are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError

from img2imgkit.errors import FetchError
from img2imgkit.files import CHUNK
from img2imgkit.model_entry import address_problem

TIMEOUT = 60.0  # seconds without a byte
MAX_JSON = 16 << 20
OFFLINE = "no connection; check the network, or fetch the package elsewhere and state its file"


def download(
    url: str, path: Path, limit: int, title: str, headers: Mapping[str, str] | None = None, insecure: bool = False
) -> Path:
    """Fetch a file of up to ``limit`` bytes into a new file.

    Args:
        title: what it is, for errors
        headers: of the request to this address; not passed on to another host
        insecure: whether the user has configured this address, so that it may lack https

    Raises:
        FetchError: it cannot be fetched, or is larger.
    """
    with _opened(url, title, headers, insecure) as answer, path.open("xb") as file:
        left = limit
        while block := _read(answer, min(CHUNK, left + 1), title):
            left -= len(block)
            if left < 0:
                raise FetchError(f"{title}: larger than the stated {limit} bytes")
            file.write(block)
    if left:
        raise FetchError(f"{title}: the connection ended after {limit - left} of {limit} bytes: try again")
    return path


def fetch_json(url: str, title: str, headers: Mapping[str, str] | None = None, insecure: bool = False) -> Any:
    """Fetch a JSON document.

    Raises:
        FetchError: it cannot be fetched, is too large or is not JSON.
    """
    with _opened(url, title, headers, insecure) as answer:
        text = _read(answer, MAX_JSON + 1, title)
    if len(text) > MAX_JSON:
        raise FetchError(f"{title}: the registry's description is larger than {MAX_JSON >> 20} MiB")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FetchError(f"{title}: the registry's description is not JSON") from None


def _opened(url: str, title: str, headers: Mapping[str, str] | None, insecure: bool) -> Any:
    """Return the server's answer, a context manager."""
    import urllib.request

    if not insecure and (problem := address_problem(url)):
        raise FetchError(problem)
    request = urllib.request.Request(url, headers={"User-Agent": "img2imgkit"})
    for name, value in (headers or {}).items():
        request.add_unredirected_header(name, value)
    try:
        return _opener(insecure).open(request, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        raise FetchError(f"{title}: the server answered {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:  # an unknown host, a refused connection, a certificate
        raise FetchError(f"{title}: {OFFLINE} ({getattr(error, 'reason', None) or error})") from None


def _read(answer: BinaryIO, size: int, title: str) -> bytes:
    try:
        return answer.read(size)
    except (OSError, HTTPException) as error:
        raise FetchError(f"{title}: the connection broke: try again ({error})") from None


def _opener(insecure: bool) -> Any:
    import urllib.request

    class SafeRedirects(urllib.request.HTTPRedirectHandler):
        """Follows redirections to https only."""

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            if not insecure and (problem := address_problem(newurl)):
                raise FetchError(problem)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return urllib.request.build_opener(SafeRedirects)
