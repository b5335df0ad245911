"""Watched folders: what is taken, when, and how often."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import CATALOG, Silent, pipeline_file, plan_of, run_file, run_plan, threads_for
from steps_for_tests import Count

from img2imgkit.errors import PlanError
from img2imgkit.pipeline import Result, read_pipeline, watch
from img2imgkit.pipeline.output_folder import OutputFolder
from img2imgkit.pipeline.watching import Watch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time in seconds as a watch sees it: ``clock.now``."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("img2imgkit.pipeline.watching.time", clock)
    return clock


def watched(file: Path, settle: float = 0.0) -> Watch:
    return Watch(read_pipeline(file, CATALOG), CATALOG, settle)


def taken(watching: Watch) -> dict[str, str]:
    """Look, run what has settled, and return the reasons or problems of the pictures that are not up to date."""
    plan = watching.look()
    if plan is None:
        return {}
    result = run_plan(plan)
    watching.add(result)
    return {each.entry.title: each.reason for each in result.outcomes if each.status != "up to date"}


def count_file(folder: Path, **options: Any) -> Path:
    return pipeline_file(folder, {"count": {"log": str(folder / "log")}}, **options)


class TestLook:
    def test_new_and_changed_pictures_are_taken_once(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        watching = watched(count_file(tmp_path))
        assert taken(watching) == {"a.png": "new"}
        assert watching.look() is None
        save_pictures(tmp_path / "in", "deep/b.png")
        assert taken(watching) == {"deep/b.png": "new"}
        os.utime(tmp_path / "in" / "a.png", ns=(7, 7))
        assert taken(watching) == {"a.png": "the input has changed"}
        assert watching.look() is None
        assert (tmp_path / "log").read_text().split() == ["a.png", "deep/b.png", "a.png"]

    def test_a_file_that_is_changed_back_is_made_again(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        watching = watched(pipeline_file(tmp_path))
        status = (tmp_path / "in" / "a.png").stat()
        assert taken(watching) == {"a.png": "new"}
        for time in (7, status.st_mtime_ns):
            os.utime(tmp_path / "in" / "a.png", ns=(time, time))
            assert taken(watching) == {"a.png": "the input has changed"}

    def test_outputs_of_earlier_runs_are_up_to_date(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png", "b.png")
        run_file(count_file(tmp_path))
        watching = watched(count_file(tmp_path))
        assert taken(watching) == {}
        assert watching.look() is None

    def test_a_file_is_left_alone_until_it_has_settled(self, tmp_path: Path, clock: SimpleNamespace) -> None:
        save_pictures(tmp_path / "in", "a.png")
        data = (tmp_path / "in" / "a.png").read_bytes()
        watching = watched(pipeline_file(tmp_path), settle=2.0)
        assert watching.look() is None
        for clock.now in (1.5, 3.0, 4.5):
            with (tmp_path / "in" / "b.png").open("ab") as growing:
                growing.write(data[: int(clock.now * 10)])
            assert taken(watching) == ({"a.png": "new"} if clock.now == 3.0 else {})
        (tmp_path / "in" / "b.png").write_bytes(data)
        for clock.now in (6.0, 7.9):
            assert watching.look() is None
        clock.now = 8.0
        assert taken(watching) == {"b.png": "new"}

    def test_a_failed_picture_is_tried_again_only_when_it_changes(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png", "b.png")
        good = (tmp_path / "in" / "a.png").read_bytes()
        (tmp_path / "in" / "a.png").write_bytes(b"")
        watching = watched(pipeline_file(tmp_path))
        assert set(taken(watching)) == {"a.png", "b.png"}
        assert watching.look() is None
        save_pictures(tmp_path / "in", "c.png")
        assert taken(watching) == {"c.png": "new"}
        (tmp_path / "in" / "a.png").write_bytes(good)
        assert taken(watching) == {"a.png": "new"}
        assert sorted((each.entry.title, each.status) for each in watching.result().outcomes) == [
            ("a.png", "done"),
            ("b.png", "done"),
            ("c.png", "done"),
        ]

    def test_two_pictures_with_one_output_are_refused_however_late_the_second_comes(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        watching = watched(pipeline_file(tmp_path, write={"name": "{stem}.png"}))
        taken(watching)
        before = tree(tmp_path / "out")
        save_pictures(tmp_path / "in", "a.bmp")
        for _ in range(2):
            with pytest.raises(PlanError, match="would be written more than once"):
                watching.look()
        assert tree(tmp_path / "out") == before
        (tmp_path / "in" / "a.bmp").unlink()
        assert watching.look() is None

    def test_an_input_folder_that_is_gone_is_no_picture(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        watching = watched(pipeline_file(tmp_path))
        taken(watching)
        (tmp_path / "in").rename(tmp_path / "away")
        with pytest.raises(PlanError, match="the input folder is gone"):
            watching.look()
        (tmp_path / "away").rename(tmp_path / "in")
        assert watching.look() is None

    def test_by_content_edits_that_keep_the_time_are_noticed_and_new_times_are_not(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.bmp")
        watching = watched(pipeline_file(tmp_path, read={"changed": "content"}))
        taken(watching)
        path = tmp_path / "in" / "a.bmp"
        status, data = path.stat(), bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
        assert taken(watching) == {"a.bmp": "the input has changed"}
        os.utime(path, ns=(7, 7))
        assert watching.look() is None

    @pytest.mark.parametrize("if_exists", ["overwrite", "error"])
    def test_a_sink_that_would_write_at_each_look_is_refused(self, tmp_path: Path, if_exists: str) -> None:
        save_pictures(tmp_path / "in", "a.png")
        with pytest.raises(PlanError, match=f"if_exists is {if_exists}, .*; set it to resume or skip"):
            watched(pipeline_file(tmp_path, write={"if_exists": if_exists}))

    def test_what_a_run_would_refuse_is_refused_at_once(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        with pytest.raises(PlanError, match="is inside the input"):
            watched(pipeline_file(tmp_path, write={"folder": "in/out"}), settle=60.0)


class TestLoop:
    """``watch`` itself, which ends when a script of events has been played."""

    def played(self, file: Path, *events: Callable[[], object], settle: float = 0.01) -> tuple[Result, list[str], int]:
        """Return the result, what was told, and the number of reports; an event is played at each further look."""
        told: list[str] = []
        reports: list[int] = []
        script = iter(events)

        class Stop(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                super().wait(settle)
                if (event := next(script, None)) is None:
                    self.set()
                else:
                    event()
                return self.is_set()

        @contextmanager
        def progress() -> Iterator[Silent]:
            yield Silent()

        executor = threads_for(plan_of(file))
        result = watch(
            executor._pipeline,
            CATALOG,
            executor,
            Stop(),
            settle=settle,
            progress=progress,
            report=lambda plan, result: reports.append(len(result.outcomes)),
            tell=told.append,
        )
        return result, told, len(reports)

    def test_pictures_are_made_as_they_appear_and_steps_stay_open(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[str] = []
        monkeypatch.setattr(Count, "open", lambda step, resources: calls.append("open"))
        monkeypatch.setattr(Count, "close", lambda step: calls.append("close"))
        save_pictures(tmp_path / "in", "a.png")
        result, told, reports = self.played(
            count_file(tmp_path),
            *[lambda: None] * 2,
            lambda: save_pictures(tmp_path / "in", "b.png"),
            *[lambda: None] * 3,
        )
        assert [each.status for each in result.outcomes] == ["done", "done"]
        assert (told, reports) == ([], 2)
        assert calls == ["open", "close"]
        assert set(tree(tmp_path / "out")) == {"a.png", "b.png"}

    def test_passing_problems_are_told_once(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        held = OutputFolder(tmp_path / "out")
        held.__enter__()
        result, told, _ = self.played(
            pipeline_file(tmp_path),
            *[lambda: None] * 4,
            lambda: held.__exit__(None, None, None),
            *[lambda: None] * 3,
        )
        assert [each.status for each in result.outcomes] == ["done"]
        (problem,) = told
        assert "another run is using this folder" in problem
        assert problem.endswith("; waiting")

    def test_what_is_skipped_or_ignored_is_told(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "big.png")
        (tmp_path / "in" / "note.txt").write_text("no picture")
        _, told, _ = self.played(pipeline_file(tmp_path, read={"skip_larger": {"width": 3}}), *[lambda: None] * 4)
        assert told == [
            "ignored: 1 files that are not pictures",
            "skipped: big.png: larger than a width of 3: 16x12",
        ]

    def test_a_folder_that_comes_back_goes_on(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        save_pictures(tmp_path / "other", "b.png")
        result, told, _ = self.played(
            pipeline_file(tmp_path),
            *[lambda: None] * 2,
            lambda: shutil.rmtree(tmp_path / "in"),
            *[lambda: None] * 2,
            lambda: (tmp_path / "other").rename(tmp_path / "in"),
            *[lambda: None] * 3,
        )
        assert [each.entry.title for each in result.outcomes] == ["a.png", "b.png"]
        assert told == [f"error: {tmp_path / 'in'}: the input folder is gone; waiting"]
