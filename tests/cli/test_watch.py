"""``img2img watch``: what it prints while pictures arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pictures import save_pictures, tree
from PIL import Image
from pipelines_for_tests import pipeline_file

from img2imgkit.pipeline import write_report


@pytest.fixture
def watched(img2img: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Watch a pipeline; after each report the next action is called, and the watch ends after the last one."""

    def watch(file: Path, *actions: Callable[[], object], arguments: tuple[str, ...] = ()) -> Any:
        stop, left = threading.Event(), list(actions)

        @contextmanager
        def stopping(text: str) -> Iterator[threading.Event]:
            yield stop

        def written(report: Any, plan: Any) -> None:
            write_report(report, plan)
            left.pop(0)() if left else stop.set()

        monkeypatch.setattr("img2imgkit.cli.watch.stopping_on_signals", stopping)
        monkeypatch.setattr("img2imgkit.cli.watch.write_report", written)
        return img2img("watch", file, "--settle", "0.1", "--progress", "lines", *arguments)

    return watch


def pages(path: Path) -> None:
    page = Image.new("L", (8, 8))
    page.save(path, save_all=True, append_images=[page])


def test_pictures_are_taken_as_they_arrive_and_a_note_is_repeated_only_when_it_changes(
    watched: Any, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    pages(tmp_path / "in" / "a.tif")
    ended = watched(
        pipeline_file(tmp_path, write={"format": "png"}),
        lambda: save_pictures(tmp_path / "in", "b.png"),
        lambda: pages(tmp_path / "in" / "c.tif"),
    )
    assert ended.code == 0
    assert set(tree(tmp_path / "out")) == {"a.png", "b.png", "c.png"}
    notes = [line for line in ended.err.splitlines() if line.startswith("note: ")]
    left_out = "further pages or frames in the file were left out: 1"
    assert notes == [f"note: a.tif: {left_out}", f"note: 2 pictures, such as a.tif: {left_out}"]
    assert ended.err.endswith("3 made, 0 failed\n")


def test_a_picture_that_the_format_cannot_hold_is_named(watched: Any, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "wide.png", size=(16_384, 1))
    ended = watched(pipeline_file(tmp_path, write={"format": "webp"}), arguments=("--quiet",))
    assert ended.code == 1
    assert "failed: wide.png: " in ended.err
    assert "at most 16383 pixels" in ended.err


def test_limits_apply(watched: Any, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", size=(20, 10))
    ended = watched(pipeline_file(tmp_path), arguments=("--limits", "pixels=100"))
    assert ended.code == 1
    assert "200 pixels, more than the limit of 100" in ended.err
