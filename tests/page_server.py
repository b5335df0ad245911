"""A real server of the page, and a client that is a browser as far as headers go."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE = 90.0  # seconds for anything to happen on a busy machine


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class PageServer:
    """A server, and the session of its page."""

    process: subprocess.Popen[bytes]
    url: str
    home: Path
    cookie: str = ""

    @property
    def authority(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def area(self) -> str:
        return "/" + urlsplit(self.url).path.split("/")[1]

    @property
    def token(self) -> str:
        return urlsplit(self.url).query

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Send a request as the page does; a header that is None is left out."""
        usual: dict[str, str | None] = {"Host": self.authority, "Cookie": self.cookie}
        if method not in ("GET", "HEAD"):
            usual |= {"Origin": f"http://{self.authority}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(self.authority, timeout=PATIENCE)
        connection.putrequest(method, path, skip_host=True)
        stated = {**usual, **(headers or {})}
        if body is not None:
            stated.setdefault("Content-Length", str(len(body)))
        for name, value in stated.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        made = Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        connection.close()
        return made

    def get(self, address: str, **query: Any) -> Any:
        """The JSON of an address of the page."""
        answer = self.ask("GET", f"{self.area}/api/{address}?{urlencode(query)}")
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, value: Any, status: int | None = None) -> Any:
        """The answer to a change."""
        answer = self.ask("POST", f"{self.area}/api/{path}", json.dumps(value).encode())
        assert answer.status in ((200, 204) if status is None else (status,)), answer.body
        return answer.json if answer.body else None

    def launch(self) -> None:
        """Open the page, as a browser does."""
        answer = self.ask("GET", f"{self.area}/launch?{self.token}", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 200, answer.body
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def batches(self) -> list[dict[str, Any]]:
        """The first event of the stream: all batches."""
        connection = http.client.HTTPConnection(self.authority, timeout=PATIENCE)
        connection.request("GET", f"{self.area}/api/events", headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        while not (line := answer.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        answer.close()
        connection.close()
        found: list[dict[str, Any]] = json.loads(line.removeprefix(b"data: "))
        return found

    def until(self, state: Callable[[dict[str, Any]], bool], id: str) -> dict[str, Any]:
        """Wait until a batch is in some state."""
        end = time.monotonic() + PATIENCE
        found: list[dict[str, Any]] = []
        while time.monotonic() < end:
            found = [each for each in self.batches() if each["id"] == id]
            if found and state(found[0]):
                return found[0]
            time.sleep(0.1)
        raise AssertionError(found)


@contextmanager
def page_server(home: Path, *arguments: str | Path, **environ: str) -> Iterator[PageServer]:
    """Start ``img2img app`` with a data folder of its own."""
    command = [sys.executable, "-m", "img2imgkit.cli", "app", "--json", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "IMG2IMG_HOME": str(home), **environ},
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else b""
        yield PageServer(process, json.loads(line)["url"], home)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
