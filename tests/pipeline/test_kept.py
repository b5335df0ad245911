"""What the outputs of a folder were last made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pipelines_for_tests import CATALOG, pipeline_file, run_file

from img2imgkit.pipeline import read_pipeline
from img2imgkit.pipeline.kept import Kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save("in/a.png")
    return tmp_path


def kept(folder: Path, **write: Any) -> tuple[Kept, Any]:
    pipeline = read_pipeline(pipeline_file(folder, {"resize": {"width": 4}}, write=write), CATALOG)
    return Kept(pipeline.sinks), pipeline.uses[1].step


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out/.img2img/ledger.jsonl").read_text().splitlines()]


def write(folder: Path, *lines: Any) -> None:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (folder / "out/.img2img/ledger.jsonl").write_text(text)


def test_the_newest_outputs_recipe_counts(folder: Path) -> None:
    run_file(pipeline_file(folder, {"resize": {"width": 4}}))
    recipe, output = lines_of(folder)
    own, step = kept(folder)
    assert own.of(1, step) == {}
    old = {"recipe": "old", "steps": [recipe["steps"][0], {**recipe["steps"][1], "on": {"engine": "a"}}]}
    new = {"recipe": "new", "steps": [recipe["steps"][0], {**recipe["steps"][1], "on": {"engine": "b"}}]}
    write(folder, old, {**output, "by": "old"}, new, {**output, "by": "new"}, {"removed": "x"}, "{torn")
    assert kept(folder)[0].of(1, step) == {"engine": "b"}
    assert kept(folder)[0].of(0, step) == kept(folder)[0].of(9, step) == {}
    write(folder, old, new, {**output, "by": "new"}, {**output, "by": "old"})
    assert kept(folder)[0].of(1, step) == {"engine": "a"}
    write(folder, new, {**output, "by": "unknown"})
    assert kept(folder)[0].of(1, step) == {}
    write(folder, new)
    assert kept(folder)[0].of(1, step) == {}


def test_outputs_that_are_overwritten_bind_nothing(folder: Path) -> None:
    run_file(pipeline_file(folder, {"resize": {"width": 4}}))
    recipe, output = lines_of(folder)
    steps = [recipe["steps"][0], {**recipe["steps"][1], "on": {"engine": "a"}}]
    write(folder, {"recipe": "x", "steps": steps}, {**output, "by": "x"})
    for name, expected in (("resume", {"engine": "a"}), ("skip", {"engine": "a"}), ("overwrite", {})):
        own, step = kept(folder, if_exists=name)
        assert own.of(1, step) == expected


def test_a_ledger_that_cannot_be_read_has_nothing(folder: Path) -> None:
    own, step = kept(folder)
    assert own.of(1, step) == {}
    (folder / "out/.img2img").mkdir(parents=True)
    write(folder, "[]", "{", {"recipe": "x", "steps": "y"}, {"by": 1})
    assert kept(folder)[0].of(1, step) == {}
