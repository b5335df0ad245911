"""The pixels that reach a step, counted from headers and no further than needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pipelines_for_tests import CATALOG, pipeline_file

from img2imgkit.pipeline import prepare, read_pipeline, workload
from img2imgkit.pipeline.workload import Workload
from img2imgkit.steps.read import FolderSource

MANY = 10**9


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for number, size in enumerate([(10, 10), (20, 10), (100, 10)]):
        Image.new("RGB", size).save(f"in/{number}.png")
    return tmp_path


def pixels(folder: Path, enough: int = MANY, limit: int | None = None, index: int = 1, **read: Any) -> int:
    pipeline = read_pipeline(pipeline_file(folder, {"resize": {"scale": 2}}, read=read), CATALOG)
    prepare(pipeline, CATALOG)
    return Workload(pipeline, limit).pixels(index, enough)


def test_pixels_are_those_that_reach_the_step(folder: Path) -> None:
    assert pixels(folder) == 100 + 200 + 1000
    assert pixels(folder, index=2) == 4 * 1300


def test_pictures_beyond_the_limit_and_skipped_ones_do_not_count(folder: Path) -> None:
    assert pixels(folder, limit=2) == 300
    assert pixels(folder, limit=0) == 0
    assert pixels(folder, skip_larger={"width": 50}) == 300


def test_counting_ends_when_there_are_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[Path] = []
    monkeypatch.setattr(FolderSource, "size", lambda self, entry: sizes.append(entry.path) or (10, 10))
    assert pixels(folder, enough=150) == 200
    assert [path.name for path in sizes] == ["0.png", "1.png"]


def test_further_pictures_count_as_the_mean_of_the_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "HEADERS", 2)
    assert pixels(folder) == 100 + 200 + 150


def test_a_picture_of_unknown_size_counts_as_an_ordinary_one(folder: Path) -> None:
    Path("in/0.png").write_bytes(b"no picture")
    assert pixels(folder) == workload.ASSUMED + 1200


def test_a_remote_source_is_not_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = read_pipeline(pipeline_file(folder), CATALOG)
    monkeypatch.setattr(pipeline.source, "location", lambda: "s3://pictures")
    monkeypatch.setattr(pipeline.source, "find", lambda ignored: pytest.fail("listed"))
    assert Workload(pipeline).pixels(1, MANY) == 0
