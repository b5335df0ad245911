"""Outputs that cannot be written are found by the plan, before any picture is processed."""

import json
from pathlib import Path

import pytest
from pictures import save_pictures
from PIL import Image
from pipelines_for_tests import Silent, pipeline_file, plan_of, run_plan

from img2imgkit.pipeline import Plan


def problems(plan: Plan) -> dict[str, str]:
    return {str(job.entry.relative): job.problem for job in plan.jobs if job.problem}


def picture(tmp_path: Path, name: str, width: int, height: int) -> None:
    (tmp_path / "in").mkdir(exist_ok=True)
    Image.new("L", (width, height)).save(tmp_path / "in" / name)


@pytest.mark.parametrize(
    ("name", "between", "problem"),
    [
        ("a.jpg", [{"resize": {"scale": 2}}], "the output would be 66000x8, but its format supports at most 65500"),
        ("a.jpg", [{"resize": {"scale": 2}}, {"resize": {"scale": 0.5}}], ""),
        ("a.jpg", [{"resize": {"scale": 2}}, {"crop": {"centre": [65500, 8]}}], ""),
        ("a.jpg", [{"compare": {"separator": 0}}], "the output would be 66000x4"),
        ("a.png", [{"resize": {"scale": 2}}], ""),
        ("a.jpg", [], ""),
    ],
)
def test_a_side_that_the_format_cannot_hold(tmp_path: Path, name: str, between: list, problem: str) -> None:
    picture(tmp_path, name, 33000, 4)
    found = problems(plan_of(pipeline_file(tmp_path, *between)))
    assert found.get(name, "").startswith(problem)
    assert bool(found) == bool(problem)


def test_the_format_that_is_written_counts(tmp_path: Path) -> None:
    picture(tmp_path, "a.png", 16384, 1)
    assert problems(plan_of(pipeline_file(tmp_path, write={"format": "png"}))) == {}
    [problem] = problems(plan_of(pipeline_file(tmp_path, write={"format": "webp"}))).values()
    assert problem.startswith("the output would be 16384x1, but its format supports at most 16383 pixels per side;")


def test_the_upright_size_counts(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    image = Image.new("L", (4, 40000))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "in" / "a.jpg", exif=exif)
    [problem] = problems(plan_of(pipeline_file(tmp_path, {"resize": {"width": 70000}}))).values()
    assert problem.startswith("the output would be 70000x7,")


def test_names_that_are_too_long(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "ü" * 125 + ".png")
    assert problems(plan_of(pipeline_file(tmp_path))) == {}
    found = problems(plan_of(pipeline_file(tmp_path, write={"name": "{stem}_{width}"})))
    assert list(found.values()) == [
        "the output's name is too long: 256 bytes, the file system allows 255; shorten its template"
    ]


def test_the_others_are_made_and_no_step_sees_the_one_that_fails(tmp_path: Path) -> None:
    picture(tmp_path, "wide.jpg", 33000, 1)
    picture(tmp_path, "small.jpg", 30, 10)
    count = {"count": {"log": str(tmp_path / "log")}}
    plan = plan_of(pipeline_file(tmp_path, {"resize": {"scale": 2}}, count))
    watcher = Silent()
    result = run_plan(plan, watcher)
    assert {str(each.entry.relative): each.status for each in result.outcomes} == {
        "small.jpg": "done",
        "wide.jpg": "failed",
    }
    assert (watcher.total, watcher.up_to_date, len(watcher.outcomes)) == (2, 0, 2)
    assert (tmp_path / "log").read_text().split() == ["small.jpg"]
    again = plan_of(pipeline_file(tmp_path, {"resize": {"scale": 2}}, count))
    assert (again.jobs.to_make_count, again.jobs.to_fail_count, again.jobs.up_to_date_count) == (0, 1, 1)


def test_a_picture_that_will_fail_stops_a_run_that_is_to_stop_at_the_first_failure(tmp_path: Path) -> None:
    picture(tmp_path, "wide.jpg", 33000, 1)
    picture(tmp_path, "small.jpg", 30, 10)
    result = run_plan(plan_of(pipeline_file(tmp_path, {"resize": {"scale": 2}})), fail_fast=True)
    assert {each.status for each in result.outcomes} == {"failed", "not reached"}


def test_a_dry_run_says_so(img2img, tmp_path: Path, uninstall_everything) -> None:
    picture(tmp_path, "wide.jpg", 33000, 1)
    file = pipeline_file(tmp_path, {"resize": {"scale": 2}})
    ended = img2img("run", file, "--dry-run")
    assert ended.code == 1
    assert "fail  wide.jpg -> wide.jpg  (the output would be 66000x2," in ended.out
    assert "0 to make, 0 up to date, 1 would fail" in ended.out
    assert json.loads(img2img("run", file, "--dry-run", "--json").out)["items"][0]["action"] == "fail"


def test_a_step_that_does_not_state_its_size_leaves_it_to_the_run(tmp_path: Path) -> None:
    picture(tmp_path, "wide.jpg", 33000, 1)
    plan = plan_of(pipeline_file(tmp_path, {"resize": {"scale": 2}}, {"fail": {"word": "nothing"}}))
    assert problems(plan) == {}
    assert "supports at most 65500 pixels per side" in run_plan(plan).outcomes[0].reason
