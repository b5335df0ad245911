"""``img2img check``."""

import json
from pathlib import Path

import pytest
from pictures import save_pictures
from pipelines_for_tests import pipeline_file

pytestmark = pytest.mark.usefixtures("uninstall_everything")


def test_a_good_pipeline_is_good_and_nothing_is_made(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path)
    ended = img2img("check", path)
    assert (ended.code, ended.out) == (0, f"{path}: good\n")
    assert not (tmp_path / "out").exists()


def test_every_problem_is_shown_and_the_code_is_2(img2img, tmp_path: Path) -> None:
    path = pipeline_file(tmp_path, {"resize": {"scale": "big"}}, write={"quality": 900})
    ended = img2img("check", path)
    assert ended.code == 2
    assert "steps.1.with.scale" in ended.out
    assert "steps.2.with.quality: input should be less than or equal to 100, got 900" in ended.out


def test_problems_as_json_have_line_and_column(img2img, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("name: x\nsteps:\n  - uses: reed\n  - {uses: write, with: {folder: o}}\n")
    problems = json.loads(img2img("check", path, "--json").out)["problems"]
    assert [(p["line"], p["column"], p["key"]) for p in problems] == [(3, 5, "steps.0.uses")]
    assert "did you mean 'read'" in problems[0]["message"]


def test_what_a_plan_refuses_is_a_problem_too(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    ended = img2img("check", pipeline_file(tmp_path, write={"folder": "in/out"}))
    assert ended.code == 2
    assert "lies inside the input" in ended.out
