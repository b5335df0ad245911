"""Crops through models in one warm process, which is started when it is needed and ends when it is not."""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from img2imgkit.app import commands
from img2imgkit.errors import RequestError

IDLE = 300.0  # seconds after which the process ends
KEPT = 96  # results


class TryOuts:
    """The process, and the results that it has written into a private folder.

    Args:
        idle: seconds without a request after which the process ends
        command: starts the process
    """

    def __init__(self, idle: float = IDLE, command: Sequence[str] | None = None) -> None:
        self._command, self._idle = command or commands.worker(), idle
        self._folder = tempfile.TemporaryDirectory(prefix="img2img-")
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._results: OrderedDict[str, Path] = OrderedDict()
        self._closing = threading.Event()
        threading.Thread(target=self._end_when_idle, name="try-outs", daemon=True).start()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Let the process translate a crop, after the requests that came before.

        Args:
            request: ``path``, ``box``, ``model`` or None for the crop itself, and its options

        Returns:
            ``id`` of the result, ``width``, ``height``, ``scale``, ``seconds``
        Raises:
            RequestError: the model or the picture cannot be used, or the process has ended.
        """
        id = secrets.token_hex(8)
        target = Path(self._folder.name) / f"{id}.png"
        with self._turn:
            answer = self._answer({**request, "target": str(target)})
            self._used = time.monotonic()
        if "error" in answer:
            raise RequestError(str(answer["error"]), 422)
        self._keep(id, target)
        return {"id": id, **answer}

    def result(self, id: str) -> Path:
        """The file of a result. Raises RequestError: there is none, or it is too old."""
        try:
            return self._results[id]
        except KeyError:
            raise RequestError("this result is no longer kept: try it again", 404) from None

    @property
    def pid(self) -> int | None:
        """The id of the process; None if it does not run."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def close(self) -> None:
        """End the process and remove the results."""
        self._closing.set()
        self._end()
        self._folder.cleanup()

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            code = process.wait()
            self._end()
            raise RequestError(f"the process that tries models out has ended ({_reason(code)}): try again", 503)
        answer: dict[str, Any] = json.loads(line)
        if answer.pop("full", False):  # it holds more memory than it may, and cannot give it back
            self._end()
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self._process

    def _keep(self, id: str, target: Path) -> None:
        self._results[id] = target
        while len(self._results) > KEPT:
            _, old = self._results.popitem(last=False)
            with suppress(OSError):
                old.unlink()

    def _end_when_idle(self) -> None:
        while not self._closing.wait(min(self._idle / 4, 10.0)):
            if self._process is not None and time.monotonic() - self._used > self._idle and self._turn.acquire(False):
                try:
                    self._end()
                finally:
                    self._turn.release()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
