"""Each tutorial is followed: its files are written and its commands are run, in the order of the page.

A training runs for a few steps only. What needs a network is parsed (``test_docs_commands``), not run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT, SHELL, Block, blocks, commands

from img2imgkit.images import decode

pytestmark = pytest.mark.slow
STEPS = re.compile(r"\bsteps: \d+")
SAMPLES = re.compile(r"sample_every: \d+")
ELSEWHERE = (  # needs a network or a new shell
    *(["python3", "-m", "venv"], [".venv/bin/pip"], ["."]),
    ["img2img", "models", "add"],
)
OWN = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]}


@pytest.fixture
def follow(tmp_path, monkeypatch, img2img):
    """Follow a page in an empty folder with the repository's pictures and programs; returns the folder."""
    for name in ("pipelines", "docs/consumers"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("out"))
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))

    def call(words: list[str]) -> None:
        if words[0] == "img2img":
            done = img2img(*words[1:])
            assert done.code == 0, (words, done.err)
        elif words[0] == "pip":
            pip("wheel", "--no-build-isolation", "-w", "wheels", str(Path(words[-1]).absolute()))
            pip("install", "--no-index", "--target", str(site), *map(str, Path("wheels").glob("*.whl")))
        else:
            subprocess.run([*OWN.get(words[0], words[:1]), *words[1:]], check=True)

    def pip(verb: str, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "pip", verb, "--no-deps", "-q", *arguments], check=True)

    def page(name: str, without: tuple[str, ...] = ()) -> Path:
        for picture in without:
            (tmp_path / "pipelines" / "pictures" / picture).unlink()
        for block in blocks(DOCS / "tutorials" / f"{name}.md"):
            if block.title:
                write(tmp_path / block.title, block)
            elif block.language in SHELL:
                for words in commands(block):
                    if not any(words[: len(known)] == known for known in ELSEWHERE):
                        call(words)
        return tmp_path

    return page


def write(path: Path, block: Block) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SAMPLES.sub("sample_every: 2", STEPS.sub("steps: 4", block.text)), encoding="utf-8")


def widths(folder: Path) -> set[int]:
    return {decode(path).width for path in folder.iterdir() if path.suffix in (".jpg", ".png", ".webp")}


def test_a_folder_is_enlarged(follow):
    place = follow("enlarge-a-folder", without=("dogs.jpg", "still-life.jpg"))
    assert widths(place / "enlarged") == {700}
    assert len(list((place / "enlarged" / "compared").glob("*.png"))) == 1
    assert (place / "enlarged" / "report.html").is_file()
    assert widths(place / "web") == widths(place / "web4") == {1600}


def test_a_model_is_trained_and_used(follow):
    place = follow("train-tonight")
    assert (place / "runs" / "colours" / "report.html").is_file()
    assert (place / "runs" / "colours" / "best" / "bundle.json").is_file()
    assert widths(place / "coloured") == {350, 380, 400}


def test_a_model_is_shipped(follow):
    place = follow("ship-a-model")
    assert decode(place / "larger.png").width == 800
    assert widths(place / "by-onnx") == {700, 760, 800}
    sizes = [(place / f"{name}.onnx").stat().st_size for name in ("model", "half", "quarter")]
    assert sizes == sorted(sizes, reverse=True)


def test_a_plugin_is_written(follow):
    place = follow("write-a-plugin")
    assert widths(place / "two-colours") == {350, 380, 400}
    assert (place / "runs" / "back" / "bundle" / "bundle.json").is_file()
    assert (place / "back.onnx").is_file()
