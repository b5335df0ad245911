"""Virtual environments that borrow what is installed here, and wheels made without building anything."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMMANDS = {"img2img": "img2imgkit.cli", "pip": "pip", "pytest": "pytest"}


@dataclass(frozen=True)
class Environment:
    """A virtual environment. pip finds distributions in ``links`` only, and builds with what is installed."""

    folder: Path
    links: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        [found] = self.folder.glob("lib/python*/site-packages")
        return found

    @property
    def variables(self) -> dict[str, str]:
        left_out = ("PYTHONPATH", "IMG2IMG_PLUGINS", "PYTHONHOME")
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.links),
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the opposite of what it says
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.links),
            "UV_OFFLINE": "1",
        }

    def run(self, *words: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment."""
        return subprocess.run(
            words, cwd=cwd or self.folder, env={**self.variables, **variables}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def img2img(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.python, "-m", "img2imgkit.cli", *words, **variables)

    def at_start(self, code: str) -> None:
        """Let every Python of the environment run this code before anything else."""
        (self.site / "sitecustomize.py").write_text(code)


def fresh(folder: Path, links: Path) -> Environment:
    """A new environment, with a script for each of ``COMMANDS``."""
    venv.create(folder, with_pip=False, symlinks=True)
    made = Environment(folder, links)
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (made.site / "borrowed.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in borrowed))
    for name, module in COMMANDS.items():
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{made.python}" -m {module} "$@"\n')
        script.chmod(0o755)
    return made


def wheel(folder: Path, name: str, source: str, version: str = "0.1.0", needs: Sequence[str] = ()) -> Path:
    """A wheel with one module. A source without hooks gets no entry point."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {each}" for each in needs),
    ]
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if "hookimpl" in source:
        files[f"{info}/entry_points.txt"] = f"[img2imgkit]\n{name.removeprefix('img2img-')} = {module}\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    made = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return made
