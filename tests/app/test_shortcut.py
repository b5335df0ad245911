from __future__ import annotations

import configparser
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from img2imgkit.app import commands
from img2imgkit.app.shortcut import ICON, add_shortcut, desktop_entry


def arguments_of(entry: str) -> list[str]:
    """The command of a desktop entry, as a desktop reads it."""
    parser = configparser.RawConfigParser()
    parser.read_string(entry)
    value = parser["Desktop Entry"]["Exec"].replace("\\\\", "\\").replace("%%", "%")
    return [re.sub(r"\\(.)", r"\1", quoted) for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', value)]


@pytest.mark.parametrize("path", ["/usr/bin/python3", "/home/a b/python", '/odd/"$HOME"/`x`/100%/back\\slash'])
def test_any_path_of_python_survives(path: str) -> None:
    assert arguments_of(desktop_entry([path, "-m", "x"])) == [path, "-m", "x"]


def test_each_system_has_its_place(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "APPDATA": str(tmp_path / "roaming")}
    made = {system: add_shortcut(["python", "-m", "x"], system, environ) for system in ("linux", "darwin", "win32")}
    assert made["linux"] == tmp_path / ".local" / "share" / "applications" / "img2img.desktop"
    assert made["darwin"].stat().st_mode & 0o777 == 0o755
    assert made["win32"].read_bytes() == b"@python -m x\r\n"
    assert add_shortcut(["python"], "linux", environ).read_text().count("Exec=") == 1
    assert ICON.is_file()


@pytest.mark.slow
def test_the_menu_entry_opens_the_page(tmp_path: Path) -> None:
    path = add_shortcut(commands.app(), "linux", {"HOME": str(tmp_path)})
    environ = {**os.environ, "IMG2IMG_HOME": str(tmp_path / "home"), "BROWSER": "true", "HOME": str(tmp_path)}
    started = subprocess.Popen(arguments_of(path.read_text()), cwd=tmp_path, env=environ, stdout=subprocess.PIPE)
    assert started.stdout is not None
    with started.stdout as told:
        assert told.readline().startswith(b"opened in the browser: http://127.0.0.1:")
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 0
