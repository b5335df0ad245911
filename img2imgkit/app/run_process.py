"""One run of a pipeline in a child process: its events as they come, and how it ended.

The run ends, as by Ctrl-C, when its standard input does: when it is stopped, and when this process dies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

MAX_LINES = 40  # of other output that are kept
NICENESS = 10  # of runs: what the user is looking at goes first
MAX_REPORT = 1 << 30


@dataclass(frozen=True)
class Ended:
    """How a child process ended.

    Attributes:
        code: its exit code; below 0 it is that of a signal
        answer: the JSON that it printed; None if it printed none
        text: the last lines that were no events
    """

    code: int
    answer: Any
    text: str


class RunProcess:
    """A child process whose events are read.

    Args:
        notify: called with each event, in the thread that calls ``wait``

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], notify: Callable[[Mapping[str, Any]], object]) -> None:
        self._notify = notify
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by ``wait``
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=self._output, stderr=subprocess.PIPE, **_apart()
            )
        except OSError:
            self._output.close()
            raise
        _let_others_first(self._process.pid)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def stop(self) -> None:
        """Let it finish the pictures in progress and end."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def kill(self) -> None:
        """End it at once; no incomplete file is left."""
        self._process.kill()

    def wait(self) -> Ended:
        """Read the events until it ends."""
        assert self._process.stderr is not None
        lines: deque[str] = deque(maxlen=MAX_LINES)
        for line in self._process.stderr:
            event = _event(line)
            if event is None:
                lines.append(line.decode("utf-8", "replace").rstrip())
            else:
                self._notify(event)
        code = self._process.wait()
        self._process.stderr.close()
        self.stop()
        return Ended(code, self._answer(), "\n".join(filter(None, lines)))

    def _answer(self) -> Any:
        with self._output as file:
            file.seek(0)
            with suppress(ValueError, RecursionError):
                return json.loads(file.read(MAX_REPORT))
        return None


def _event(line: bytes) -> Mapping[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    with suppress(ValueError, RecursionError):
        found = json.loads(line)
        return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None
    return None


def _apart() -> dict[str, Any]:
    """Ctrl-C in the terminal of the server is for the server, which ends its runs itself."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    return {"start_new_session": True}


def _let_others_first(pid: int) -> None:
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
