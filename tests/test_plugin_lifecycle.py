"""The script of docs/plugins.md, from an empty folder to an exported model, in an environment of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from environments import Environment, fresh
from PIL import Image

ROOT = Path(__file__).parents[1]
COMMANDS = ("new", "install", "tasks", "pytest", "cp", "train", "cat", "run", "export", "uninstall")

pytestmark = pytest.mark.slow


def script() -> str:
    """The first block of the page."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the pairs of pictures that the page speaks of: the target is half as bright."""
    random = np.random.default_rng(0)
    for number in range(3):
        levels = random.integers(0, 256, (40, 44, 3), np.uint8)
        for side, pixels in (("source", levels), ("target", levels // 2)):
            folder = tmp_path / "home" / "pairs" / side
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "home"


@pytest.fixture
def there(tmp_path: Path) -> Environment:
    return fresh(tmp_path / "venv", tmp_path)


def test_the_printed_lines_run_from_an_empty_folder(tmp_path: Path, home: Path, there: Environment) -> None:
    lines = script()
    assert [word for word in COMMANDS if re.search(rf"\b{word}\b", lines)] == [*COMMANDS]
    work = tmp_path / "work"
    work.mkdir()
    done = there.run("sh", "-ex", "-c", lines, cwd=work, HOME=str(home))
    assert done.returncode == 0, done.stdout + done.stderr
    project = work / "img2img-faded"
    assert "installed plugin faded of img2img-faded 0.1.0: tasks: faded" in done.stdout
    assert re.search(r"^faded +faded +paired +Translate pictures", done.stdout, re.MULTILINE)
    assert "1 passed" in done.stdout
    assert json.loads((project / "runs/first/bundle/bundle.json").read_text())["plugin"]["version"] == "0.1.0"
    assert {path.name for path in (project / "out").glob("*.png")} == {"0.png", "1.png", "2.png"}
    assert (project / "faded.onnx").stat().st_size > 1000
    assert done.stdout.rstrip().endswith("uninstalled img2img-faded")
    missing = there.img2img("export", project / "runs/first/bundle", "--format", "onnx", "--out", "x.onnx")
    assert "saved with img2img-faded 0.1.0, which 'img2img plugins install img2img-faded==0.1.0'" in missing.stderr
