"""Who manages the distributions of this Python, and what img2imgkit needs in it."""

from __future__ import annotations

import configparser
import re
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from img2imgkit.distributions.installers import canonical, pipx_command, uv_tool_command
from img2imgkit.files import read_text

Action = Literal["install", "uninstall"]
PACKAGE = "img2imgkit"
_MAX_BYTES = 1 << 20
_MARKER = "EXTERNALLY-MANAGED"  # https://peps.python.org/pep-0668/
_PIPX, _UV_TOOL = "pipx_metadata.json", "uv-receipt.toml"


def managed_elsewhere(action: Action, what: str, editable: bool = False) -> str:
    """Why no plugin may be installed here by pip, and what to do instead; "" if it may.

    Environments of pipx and of uv's tools are made anew by these programs, which would forget what pip added. A Python
    of the operating system says by a file that it belongs to another program.
    """
    prefix = Path(sys.prefix)
    if (prefix / _PIPX).is_file():
        command = pipx_command(action, prefix.name, what, editable)
        return f"img2imgkit was installed by pipx, which has to know its plugins: {command}"
    if (prefix / _UV_TOOL).is_file():
        command = uv_tool_command(action, _requirements(prefix / _UV_TOOL), what, editable)
        return f"img2imgkit was installed as a tool of uv, which has to know its plugins: {command}"
    marker = Path(sysconfig.get_path("stdlib", sysconfig.get_default_scheme())) / _MARKER
    if sys.prefix == sys.base_prefix and marker.is_file():
        said = _error_of(marker)
        return (
            f"this Python, {sys.executable}, is managed by another program{f', which says: {said}' if said else ''}"
            "; install img2imgkit and its plugins in a virtual environment: python3 -m venv .venv"
        )
    return ""


def _error_of(marker: Path) -> str:
    """What the program that manages this Python says, in one line."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(marker, _MAX_BYTES))
    except (OSError, ValueError, configparser.Error):
        return ""
    return " ".join(parser.get("externally-managed", "Error", fallback="").split())


def _requirements(receipt: Path) -> list[Mapping[str, Any]]:
    """What uv's tool consists of, the program itself first."""
    try:
        found = [*tomllib.loads(read_text(receipt, _MAX_BYTES))["tool"]["requirements"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("name"), str)]


def pins() -> dict[str, str]:
    """The versions of img2imgkit and of all that it needs, at any depth, by name."""
    found: dict[str, str] = {}
    waiting = [PACKAGE]
    while waiting:
        name = canonical(waiting.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # needed on other systems only
            continue
        found[name] = distribution.version
        waiting += [match[0] for each in distribution.requires or () if (match := _needed(each))]
    return found


def _needed(requirement: str) -> re.Match[str] | None:
    """The name at the beginning of a requirement; None for one that belongs to an extra."""
    return None if re.search(r"\bextra\s*==", requirement) else re.match(r"[A-Za-z0-9._-]+", requirement)
