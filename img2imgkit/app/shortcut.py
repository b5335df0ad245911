"""An entry in the system's menu that opens the page, in a terminal window in which it can be ended."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from img2imgkit.files import write_whole

NAME = "img2img"
ICON = Path(__file__).with_name("static") / "icon.svg"
_ESCAPED = '"`$\\'


def add_shortcut(
    command: Sequence[str], platform: str = sys.platform, environ: Mapping[str, str] | None = None
) -> Path:
    """Write the entry of the current user, and return its path. An older one is replaced.

    Linux gets a desktop entry, Windows a command file in the start menu, macOS one in the user's applications.

    Args:
        command: opens the page

    Raises:
        OSError: it cannot be written.
    """
    environ = os.environ if environ is None else environ
    home = Path(environ.get("HOME") or Path.home())
    if platform == "win32":
        path = Path(environ["APPDATA"]) / "Microsoft" / "Windows" / "Start Menu" / "Programs" / f"{NAME}.cmd"
        text, mode = f"@{subprocess.list2cmdline(command).replace('%', '%%')}\r\n", 0o644
    elif platform == "darwin":
        path = home / "Applications" / f"{NAME}.command"
        text, mode = f"#!/bin/sh\nexec {shlex.join(command)}\n", 0o755
    else:
        data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
        path = data / "applications" / f"{NAME}.desktop"
        text, mode = desktop_entry(command), 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    path.chmod(mode)
    return path


def desktop_entry(command: Sequence[str]) -> str:
    """A desktop entry (https://specifications.freedesktop.org/desktop-entry-spec/latest/)."""
    arguments = " ".join(map(_argument, command)).replace("\\", "\\\\")  # a value escapes backslashes once more
    lines = ["[Desktop Entry]", "Type=Application", "Version=1.5", f"Name={NAME}"]
    lines += ["Comment=Translate pictures with trained models", f"Exec={arguments}", f"Icon={ICON}"]
    return "\n".join([*lines, "Terminal=true", "Categories=Graphics;Photography;", ""])


def _argument(text: str) -> str:
    """An argument in quotes, in which four characters are escaped; a percent sign would begin a field."""
    quoted = "".join(f"\\{each}" if each in _ESCAPED else each for each in text)
    return f'"{quoted}"'.replace("%", "%%")
