"""Runs: outcomes, order, failures, stopping, and the bound on items in flight."""

import json
import os
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from pictures import save_pictures, tree
from PIL import Image
from pipelines_for_tests import Silent, pipeline_file, plan_of, run_file, run_plan

from img2imgkit.errors import LockError, ToolkitError
from img2imgkit.item import Item
from img2imgkit.pipeline import Outcome, make_report, write_report
from img2imgkit.pipeline.output_folder import OutputFolder
from img2imgkit.step import Resources

NAMES = [f"{number}.png" for number in range(12)]


def count(tmp_path: Path, seconds: float = 0.0) -> dict[str, object]:
    return {"count": {"log": str(tmp_path / "log"), "seconds": seconds}}


def counted(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []


def test_every_picture_goes_through_every_step(tmp_path: Path) -> None:
    paths = save_pictures(tmp_path / "in", *NAMES)
    result = run_file(pipeline_file(tmp_path, count(tmp_path)))
    assert [outcome.status for outcome in result.outcomes] == ["done"] * 12
    assert sorted(counted(tmp_path)) == sorted(NAMES)
    for path in paths:
        made = np.asarray(Image.open(tmp_path / "out" / path.name))
        np.testing.assert_array_equal(made, 255 - np.asarray(Image.open(path)))


def test_an_outcome_describes_its_output(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (outcome,) = run_file(pipeline_file(tmp_path, count(tmp_path))).outcomes
    (output,) = outcome.outputs
    assert output["path"] == str(tmp_path / "out" / "a.png")
    assert (output["width"], output["height"], output["depth"], output["space"]) == (16, 12, 8, "rgb")
    assert outcome.notes["counted"] is True
    assert set(outcome.seconds) == {"read", "count", "write"}


def test_the_tree_does_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", *NAMES)
    trees = []
    for threads in (1, 2, 7):
        path = pipeline_file(tmp_path, count(tmp_path), write={"folder": f"out{threads}", "name": "{index:03d}.png"})
        result = run_file(path, threads=threads)
        assert [str(outcome.entry.relative) for outcome in result.outcomes] == NAMES
        trees.append(tree(tmp_path / f"out{threads}"))
    assert trees[0] == trees[1] == trees[2]
    assert len(trees[0]) == 12


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("translate", "no tile fits"),
        ("memory", "out of memory in step 'fail'; run with fewer jobs or smaller tiles"),
        ("bug", "step 'fail' crashed: KeyError: 'oops'"),
    ],
)
def test_a_failed_picture_has_no_output_and_does_not_stop_the_others(tmp_path: Path, how: str, reason: str) -> None:
    save_pictures(tmp_path / "in", "1.png", "bad.png", "3.png")
    result = run_file(pipeline_file(tmp_path, {"fail": {"how": how}}))
    assert {str(o.entry.relative): (o.status, o.reason) for o in result.outcomes} == {
        "1.png": ("done", "new"),
        "3.png": ("done", "new"),
        "bad.png": ("failed", reason),
    }
    assert set(tree(tmp_path / "out")) == {"1.png", "3.png"}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_no_exception_of_a_step_hangs_the_run(tmp_path: Path, error: BaseException) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    plan = plan_of(pipeline_file(tmp_path, {"fail": {}}))

    def apply(item: Item) -> Item:
        raise error

    plan.pipeline.uses[1].step.apply = apply  # type: ignore[attr-defined]
    assert {o.reason for o in run_plan(plan).outcomes} == {f"step 'fail' crashed: {type(error).__name__}: {error}"}


@pytest.mark.parametrize("made", [None, "text"])
def test_a_step_that_returns_no_item_is_named(tmp_path: Path, made: object) -> None:
    save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(pipeline_file(tmp_path, {"fail": {}}))
    plan.pipeline.uses[1].step.apply = lambda item: made  # type: ignore[attr-defined]
    (outcome,) = run_plan(plan).outcomes
    assert outcome.reason.startswith(
        f"step 'fail' crashed: TypeError: it returned {type(made).__name__} instead of an Item"
    )


@pytest.mark.parametrize("error", [RuntimeError("no device"), SystemExit(0)])
@pytest.mark.parametrize("name", ["count", "fail"])
def test_any_exception_on_opening_names_the_step(tmp_path: Path, name: str, error: BaseException) -> None:
    save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(pipeline_file(tmp_path, count(tmp_path) if name == "count" else {"fail": {}}))

    def cannot_open(resources: Resources) -> None:
        raise error

    plan.pipeline.uses[1].step.open = cannot_open  # type: ignore[method-assign]
    with pytest.raises(ToolkitError, match=f"step '{name}' cannot be opened: {type(error).__name__}: {error}"):
        run_plan(plan)


def test_an_error_on_closing_is_ignored(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(pipeline_file(tmp_path, {"fail": {}}))
    plan.pipeline.uses[1].step.close = None  # type: ignore[assignment,method-assign]
    assert run_plan(plan).count("done") == 1


def test_notes_of_any_type_are_reported(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(pipeline_file(tmp_path, {"fail": {}}))
    notes = {"number": np.float32(1.5), "path": Path("x"), "nan": float("nan"), "list": (np.int64(3), {1: None})}
    plan.pipeline.uses[1].step.apply = lambda item: item.with_picture(item.picture, **notes)  # type: ignore[attr-defined]
    write_report(make_report(plan, run_plan(plan), 0.0), plan)
    (item,) = json.loads((tmp_path / "out" / "report.json").read_text(), parse_constant=None)["items"]
    assert item["notes"] == {
        "number": 1.5, "path": "x", "nan": "nan", "list": [3, {"1": None}], "written": "RGB",
    }  # fmt: skip


def test_skip_keeps_existing_files_whose_names_depend_on_the_picture(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a16.png").write_text("mine")
    (outcome,) = run_file(pipeline_file(tmp_path, write={"name": "{stem}{width}", "if_exists": "skip"})).outcomes
    assert (outcome.outputs, outcome.notes["left"]) == ((), "kept a file that already existed: a16.png")
    assert tree(tmp_path / "out") == {"a16.png": b"mine"}


def test_skip_keeps_existing_files_when_another_sink_has_work(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_text("mine")
    (outcome,) = run_file(pipeline_file(tmp_path, {"write": {"folder": "2"}}, write={"if_exists": "skip"})).outcomes
    assert [output["sink"] for output in outcome.outputs] == [0]
    assert tree(tmp_path / "out") == {"a.png": b"mine"}


def test_error_refuses_our_own_files_too(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, write={"name": "{stem}{width}", "if_exists": "error"})
    run_file(path)
    save_pictures(tmp_path / "in", "a.png", size=(16, 3))
    (outcome,) = run_file(path).outcomes
    assert outcome.reason.endswith("a16.png: already exists, and if_exists is error")


def test_a_name_that_is_too_long_fails_that_picture(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b" * 240 + ".png")
    result = run_file(pipeline_file(tmp_path, write={"name": "{stem}_a_long_suffix"}))
    assert [outcome.status for outcome in result.outcomes] == ["done", "failed"]
    assert result.outcomes[1].reason == (
        "the output's name is too long: 258 bytes, the file system allows 255; shorten its template"
    )


def test_a_picture_that_fails_after_its_first_sink_has_no_output(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "bad.png")
    result = run_file(pipeline_file(tmp_path, {"write": {"folder": "first"}}, {"fail": {}}))
    assert [(outcome.status, len(outcome.outputs)) for outcome in result.outcomes] == [("done", 2), ("failed", 0)]
    assert tree(tmp_path / "first").keys() == tree(tmp_path / "out").keys() == {"a.png"}


def test_two_sinks_share_a_folder(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, {"write": {"folder": "out", "name": "{stem}_before"}}, count(tmp_path))
    assert run_file(path).count("done") == 1
    assert tree(tmp_path / "out").keys() == {"a.png", "a_before.png"}
    assert plan_of(path).reasons() == {"up to date": 1}


def test_only_failed_pictures_are_retried(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "1.png", "bad.png")
    path = pipeline_file(tmp_path, count(tmp_path), {"fail": {}})
    run_file(path)
    assert [job.reason for job in plan_of(path).jobs] == ["", "new"]
    run_file(path)
    assert sorted(counted(tmp_path)) == ["1.png", "bad.png", "bad.png"]


def test_fail_fast_starts_no_new_item(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "0bad.png", *(f"{n}.png" for n in range(1, 40)))
    result = run_file(pipeline_file(tmp_path, {"fail": {}}, count(tmp_path, 0.01)), threads=1, fail_fast=True)
    assert result.count("failed") == 1
    assert result.count("not reached") > 20
    assert not result.interrupted


def test_a_stop_finishes_the_items_in_flight(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", *(f"{n}.png" for n in range(40)))
    stop = threading.Event()

    class StopAfterThree(Silent):
        def finished(self, outcome):  # type: ignore[no-untyped-def]
            super().finished(outcome)
            if len(self.outcomes) == 3:
                stop.set()

    path = pipeline_file(tmp_path, count(tmp_path, 0.01))
    result = run_plan(plan_of(path), StopAfterThree(), threads=1, stop=stop)
    assert result.interrupted
    assert 3 <= result.count("done") <= 8
    assert result.count("done") + result.count("not reached") == 40
    assert len(tree(tmp_path / "out")) == result.count("done") == len(counted(tmp_path))
    assert run_file(path).count("done") == result.count("not reached")


def test_a_step_that_cannot_be_opened_ends_the_run_and_writes_nothing(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", *NAMES)
    with pytest.raises(ToolkitError, match="the bundle is damaged"):
        run_file(pipeline_file(tmp_path, {"unopenable": {}}))
    assert tree(tmp_path / "out") == {}


def test_nothing_is_opened_when_everything_is_up_to_date(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    run_file(pipeline_file(tmp_path))
    plan = plan_of(pipeline_file(tmp_path))
    plan.pipeline.source.open = None  # type: ignore[assignment,method-assign]
    assert run_plan(plan).count("up to date") == 1


def test_several_sinks_each_keep_their_own_ledger(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    path = pipeline_file(tmp_path, {"write": {"folder": "first", "format": "webp"}}, count(tmp_path))
    run_file(path)
    assert set(tree(tmp_path / "first")) == {"a.webp", "b.webp"}
    assert plan_of(path).reasons() == {"up to date": 2}
    (tmp_path / "first" / "b.webp").unlink()
    assert plan_of(path).reasons() == {"up to date": 1, "the output is missing": 1}


def test_names_that_depend_on_the_picture_never_overwrite(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "x1.png", size=(6, 5))
    save_pictures(tmp_path / "in", "x.png", size=(16, 5))
    path = pipeline_file(tmp_path, write={"name": "{stem}{width}.png"})  # x1 + 6 and x + 16 are the same name
    result = run_file(path)
    assert sorted(outcome.status for outcome in result.outcomes) == ["done", "failed"]
    assert "already written for" in next(o.reason for o in result.outcomes if o.status == "failed")


def test_never_more_items_in_flight_than_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_pictures(tmp_path / "in", *(f"{n}.png" for n in range(60)))
    plan = plan_of(pipeline_file(tmp_path, count(tmp_path, 0.002)))
    lock, here, most = threading.Lock(), 0, 0
    load = plan.pipeline.source.load

    def loading(entry):  # type: ignore[no-untyped-def]
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        return load(entry)

    class Leaving(Silent):
        def finished(self, outcome):  # type: ignore[no-untyped-def]
            nonlocal here
            with lock:
                here -= 1

    monkeypatch.setattr(plan.pipeline.source, "load", loading)
    run_plan(plan, Leaving(), threads=2)
    # Four slots of 60 pictures; an outcome is reported after its slot is free, so more may seem to be in flight.
    assert 2 <= most <= 20


def test_the_ledger_is_json_lines(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    run_file(pipeline_file(tmp_path))
    lines = (tmp_path / "out" / ".img2img" / "ledger.jsonl").read_text().splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [
        ["recipe", "steps"],
        ["by", "entry", "file", "location", "sink", "size", "target", "version"],
    ]


def test_outputs_of_an_earlier_version_are_not_remade(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    file = pipeline_file(tmp_path)
    run_file(file)
    ledger = tmp_path / "out" / ".img2img" / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    for line in lines[1:]:  # the first version had a time instead of a version tag
        line["mtime_ns"] = int(line.pop("version"))
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert plan_of(file).reasons() == {"up to date": 2}


def test_outputs_have_the_times_of_their_inputs_if_asked_and_are_up_to_date(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path / "in", "a.png")
    os.utime(path, ns=(0, 987_654_321_000_000_000))
    file = pipeline_file(tmp_path, write={"times": "keep"})
    assert run_file(file).count("done") == 1
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == 987_654_321_000_000_000
    assert plan_of(file).reasons() == {"up to date": 1}


def test_the_scale_in_a_name_is_the_ratio_of_the_sizes(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", size=(16, 12))
    save_pictures(tmp_path / "in", "b.png", size=(32, 12))
    file = pipeline_file(tmp_path, {"resize": {"width": 48}}, write={"name": "{stem}_{scale}x"})
    assert run_file(file).count("done") == 2
    assert set(tree(tmp_path / "out")) == {"a_3x.png", "b_1.5x.png"}
    assert plan_of(file).reasons() == {"up to date": 2}


class Moving(Silent):
    """Moves the output folder away after the first picture; another run may take its place."""

    def __init__(self, folder: Path, place: str, stack: ExitStack) -> None:
        super().__init__()
        self.folder, self.place, self.stack = folder, place, stack

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        if len(self.outcomes) == 1:
            self.folder.rename(self.folder.with_name("moved"))
            if self.place == "a folder":
                self.folder.mkdir()
            if self.place == "another run":
                self.stack.enter_context(OutputFolder(self.folder))


@pytest.mark.parametrize("place", ["nothing", "a folder", "another run"])
def test_a_run_ends_when_its_folder_is_moved_and_leaves_nothing_unknown(tmp_path: Path, place: str) -> None:
    save_pictures(tmp_path / "in", *NAMES)
    path = pipeline_file(tmp_path, count(tmp_path, 0.05))
    with ExitStack() as stack:
        watcher = Moving(tmp_path / "out", place, stack)
        with pytest.raises(LockError, match="out: was moved, removed or replaced while this run was writing to it"):
            run_plan(plan_of(path), watcher, threads=1)
        assert (tmp_path / "out").exists() == (place != "nothing")
        assert [path.name for path in (tmp_path / "out").glob("*")] == [".img2img"] * (place == "another run")
    assert len(counted(tmp_path)) < len(NAMES)
    done = {str(outcome.entry.relative) for outcome in watcher.outcomes if outcome.status == "done"}
    assert done == {path.name for path in (tmp_path / "moved").glob("*.png")}
    if place != "nothing":
        shutil.rmtree(tmp_path / "out")
    (tmp_path / "moved").rename(tmp_path / "out")
    assert {str(job.entry.relative) for job in plan_of(path).jobs if not job.reason} == done


def test_a_run_is_refused_inside_and_around_the_folder_of_another_run(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "sub/b.png")
    path = pipeline_file(tmp_path)
    with OutputFolder(tmp_path), pytest.raises(LockError, match="out is inside"):
        run_file(path)
    with OutputFolder(tmp_path / "out" / "sub"), pytest.raises(LockError, match="out contains sub"):
        run_file(path)
    assert not (tmp_path / "out" / "sub" / "b.png").exists()
    assert {outcome.status for outcome in run_file(path).outcomes} <= {"done", "up to date"}


def test_a_run_with_two_folders_one_in_the_other_is_no_other_run(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, {"write": {"folder": "out/sub", "format": "webp"}}, write={"name": "sub/{stem}"})
    assert [outcome.status for outcome in run_file(path).outcomes] == ["done"]
    assert {"sub/a.png", "sub/a.webp"} <= set(tree(tmp_path / "out"))
