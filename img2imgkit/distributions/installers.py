"""pip and uv: how they are called, and what their errors mean; commands of pipx and uv for users."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

from img2imgkit.errors import InstallError
from img2imgkit.files import read_text

_MAX_BYTES = 64 << 20
_NEED = re.compile(  # the first form is pip's and uv's, the second is uv's
    r"(?:(?P<name>[A-Za-z0-9._-]+?)(?: |==)(?P<version>\d[^ ,]*) depends on|"
    r"all versions of (?P<any>[A-Za-z0-9._-]+) depend on) (?P<need>[A-Za-z0-9._-]+)(?P<range>[^\s,]*)"
)
_UV_LINE = re.compile(
    r"^ ?(?P<sign>[-+~]) (?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: \(from (?P<origin>.+)\))?$", re.M
)


@dataclass(frozen=True)
class Change:
    """One distribution that an installation adds or replaces.

    Attributes:
        before: its installed version; "" if it is new
        origin: where it comes from, as far as that is stated
    """

    name: str
    before: str
    after: str
    origin: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is to be installed.

    Attributes:
        what: the name of a distribution, with its version if that matters, a folder, a file, or an address
        editable: whether a folder is used in place
        upgrade: whether a newer version replaces an installed one
        pins: the versions that must not change, by name
    """

    what: str
    editable: bool = False
    upgrade: bool = False
    pins: Mapping[str, str] | None = None

    def arguments(self, constraints: Path) -> Iterator[str]:
        """Of the installer's command."""
        text = "".join(f"{name}=={version}\n" for name, version in (self.pins or {}).items())
        constraints.write_text(text, encoding="utf-8")
        yield f"--constraint={constraints}"
        yield from ("--upgrade",) if self.upgrade else ()
        yield from ("--editable",) if self.editable else ()
        yield self.what


class Pip:
    """pip of the interpreter that runs."""

    def __init__(self) -> None:
        self._command = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")

    def plan(self, wanted: Wanted) -> tuple[Change, ...]:
        """What an installation would change. Raises InstallError."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            options = ("--dry-run", f"--report={report}", "--progress-bar=off")
            _run([*self._command, "install", *options, *wanted.arguments(Path(folder) / "pins.txt")], wanted.pins)
            found = json.loads(read_text(report, _MAX_BYTES))["install"]
        return tuple(map(_change, found))

    def install(self, wanted: Wanted) -> None:
        """Install it. Raises InstallError."""
        with tempfile.TemporaryDirectory() as folder:
            arguments = wanted.arguments(Path(folder) / "pins.txt")
            _run([*self._command, "install", "--progress-bar=off", *arguments], wanted.pins)

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution. Raises InstallError."""
        _run([*self._command, "uninstall", "--yes", name])


class Uv:
    """uv, for an environment without pip, such as uv makes."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = (*command, "pip")
        self._python = f"--python={sys.executable}"

    def plan(self, wanted: Wanted) -> tuple[Change, ...]:
        """What an installation would change. Raises InstallError."""
        with tempfile.TemporaryDirectory() as folder:
            arguments = wanted.arguments(Path(folder) / "pins.txt")
            said = _run([*self._command, "install", "--dry-run", self._python, *arguments], wanted.pins)
        lines = list(_UV_LINE.finditer(said))
        gone = {line["name"]: line["version"] for line in lines if line["sign"] == "-"}
        added = [line for line in lines if line["sign"] != "-"]
        return tuple(
            Change(line["name"], gone.get(line["name"], ""), line["version"], line["origin"] or "") for line in added
        )

    def install(self, wanted: Wanted) -> None:
        """Install it. Raises InstallError."""
        with tempfile.TemporaryDirectory() as folder:
            arguments = wanted.arguments(Path(folder) / "pins.txt")
            _run([*self._command, "install", self._python, *arguments], wanted.pins)

    def uninstall(self, name: str) -> None:
        """Uninstall a distribution. Raises InstallError."""
        _run([*self._command, "uninstall", self._python, name])


def installer() -> Pip | Uv:
    """pip of this interpreter; uv if it has none.

    Raises:
        InstallError: there is neither.
    """
    if find_spec("pip"):
        return Pip()
    if program := shutil.which("uv"):
        return Uv((program,))
    if find_spec("uv"):
        return Uv((sys.executable, "-m", "uv"))
    raise InstallError(f"{sys.executable} has neither pip nor uv: {shlex.quote(sys.executable)} -m ensurepip adds pip")


def _change(entry: Mapping[str, Any]) -> Change:
    """One entry of pip's report (https://pip.pypa.io/en/stable/reference/installation-report)."""
    about = entry["metadata"]
    origin = str(entry.get("download_info", {}).get("url", ""))
    return Change(about["name"], "", about["version"], origin)


def _run(command: Sequence[str], pins: Mapping[str, str] | None = None) -> str:
    pipes: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, check=False, **pipes)
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise InstallError(conflict(said, pins or {}) or _last_words(said))
    return said


def conflict(said: str, pins: Mapping[str, str]) -> str:
    """Which plugin would change which of img2imgkit's own dependencies, in a sentence; "" if it failed otherwise."""
    for found in _NEED.finditer(" ".join(said.split())):
        name, asking = canonical(found["need"]), canonical(found["any"] or found["name"])
        if name in pins and asking not in pins and found["range"]:
            who = found["any"] or f"{found['name']} {found['version']}"
            if name == "img2imgkit":
                wanted = f"{who} needs {found['need']}{found['range']}, but {pins[name]} is installed"
                return f"{wanted}: upgrade img2imgkit first, or install a version of the plugin for this one"
            need, kept = f"{found['need']}{found['range']}", f"{name} {pins[name]}"
            return (
                f"{who} needs {need}, but img2imgkit works here with {kept}, which must not change: "
                "ask its author for a version that fits, or install both in another environment"
            )
    return ""


def _last_words(said: str) -> str:
    """The errors among what an installer said, with what explains them; its last lines if it marked none."""
    lines = [line.strip() for line in said.splitlines()]
    marked = [number for number, line in enumerate(lines) if line.lower().startswith("error:")]
    told = takewhile(bool, lines[marked[0] :]) if marked else filter(None, lines[-8:])
    found = " ".join(re.sub(r"^error:\s*", "", line, flags=re.IGNORECASE) for line in told)
    return found or "the installer said nothing"


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it (https://peps.python.org/pep-0503/)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pipx_command(action: str, environment: str, what: str, editable: bool) -> str:
    """The command of pipx that does the same."""
    words = ["pipx", "inject" if action == "install" else "uninject", *(["--editable"] if editable else ())]
    return shlex.join([*words, environment, what])


def uv_tool_command(action: str, has: Iterable[Mapping[str, Any]], what: str, editable: bool) -> str:
    """The command of uv that makes its tool anew, with the plugin or without it.

    Args:
        has: the requirements of the tool, as its receipt states them
    """
    first, *others = [*has] or [{"name": "img2imgkit"}]
    words = ["uv", "tool", "install", *_stated(first, "")]
    for each in others:
        if each["name"] != what:
            words += _stated(each, "--with")
    if action == "install":
        words += ["--with-editable" if editable else "--with", what]
    return shlex.join(words)


def _stated(requirement: Mapping[str, Any], option: str) -> list[str]:
    """A requirement of uv's receipt, as words of its command."""
    if place := requirement.get("editable"):
        return [f"{option}-editable" if option else "--editable", str(place)]
    place = next((requirement[key] for key in ("directory", "path", "url", "git") if key in requirement), None)
    extras = f"[{','.join(requirement['extras'])}]" if requirement.get("extras") else ""
    text = str(place) if place else f"{requirement['name']}{extras}{requirement.get('specifier', '')}"
    return [option, text] if option else [text]
