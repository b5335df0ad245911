"""A headless Chromium, driven over the pipes of the DevTools protocol, so that no driver has to be installed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 120.0  # seconds for anything to happen on a busy machine
_OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio"),
    *("--disable-dev-shm-usage", "--password-store=basic", "--lang=en-US", "--no-sandbox"),
)
KEYS = {"Enter": 13, "Tab": 9, " ": 32, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38, "Escape": 27}


def installed() -> str | None:
    """The path of a browser; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, to: int, of: int) -> None:
        self._to, self._of, self._number, self._rest = to, of, 0, b""
        self.errors: list[str] = []
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._of], [], [], PATIENCE)
            part = os.read(self._of, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser does not answer")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"].get("exception", parameters))[:500])
        entry = parameters.get("entry", {})
        if message.get("method") == "Log.entryAdded" and entry["level"] == "error" and entry["source"] == "security":
            self.errors.append(entry["text"])
        return message

    def open(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if found := self.value(expression):
                    return found
            except RuntimeError as error:
                if "context" not in str(error):  # the page is being replaced
                    raise
            time.sleep(0.05)
        raise AssertionError(f"{expression}; errors: {self.errors}; {self.value('document.body?.innerText')}")

    def click(self, selector: str, text: str = "") -> None:
        """Click the element of that selector and text, once it is there and enabled."""
        found = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find((each) => !each.disabled && "
            f"each.checkVisibility() && each.textContent.includes({json.dumps(text)}))"
        )
        self.until(f"Boolean({found})")
        self.value(f"{found}.click()")

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press a key, as a keyboard does."""
        stated: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, 0)}
        text = {"Enter": "\r", " ": " "}.get(key)
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.send("Input.dispatchKeyEvent", modifiers=modifiers, **stated, **down)
        self.send("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **stated)

    def drop(self, *paths: Path) -> None:
        """Drop files or folders in the middle of the page."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.send("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)

    def size(self, width: int, height: int, dark: bool = False) -> None:
        """Give the page a size and a colour scheme."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """Save what is seen as a PNG file."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start a browser with an empty profile."""
    program = installed()
    assert program is not None
    (theirs, to), (of, ours) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        [program, *_OPTIONS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,  # Python's own are not inherited anyway
        preexec_fn=lambda: _as_three_and_four(theirs, ours),  # noqa: PLW1509 - nothing else runs in between
    )
    os.close(theirs)
    os.close(ours)
    try:
        yield Page(to, of)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to)
        os.close(of)


def _as_three_and_four(theirs: int, ours: int) -> None:
    """The protocol's pipes have these numbers."""
    read, write = os.dup(theirs), os.dup(ours)  # which could have the other's number
    os.dup2(read, 3)
    os.dup2(write, 4)
