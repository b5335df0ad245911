"""Plans: pipelines that must not run are refused before a picture is decoded."""

import json
import os
import shutil
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import CATALOG, pipeline_file, plan_of, run_file

from img2imgkit.errors import ConfigError, LockError, PlanError
from img2imgkit.pipeline import collisions, make_plan, read_pipeline
from img2imgkit.pipeline.output_folder import OutputFolder


def test_in_a_new_folder_every_output_is_made(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    jobs = plan_of(pipeline_file(tmp_path)).jobs
    assert [(str(job.targets[0]), job.reason) for job in jobs] == [("a.png", "new"), ("b.png", "new")]
    assert not (tmp_path / "out").exists()


def test_limit_takes_the_first(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "1.png", "2.png", "10.png")
    assert [str(job.entry.relative) for job in plan_of(pipeline_file(tmp_path), limit=2).jobs] == ["1.png", "2.png"]


def test_colliding_targets_are_refused_with_their_inputs(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a/x.png", "b/x.png", "c.png")
    path = pipeline_file(tmp_path, write={"name": "{stem}.png"})
    with pytest.raises(
        PlanError, match=r"1 output files would be written more than once(.|\n)*out/x.png <- a/x.png, b/x.png"
    ):
        plan_of(path)


def test_equal_stems_with_two_suffixes_are_kept_by_default_and_collide_in_one_format(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "a.jpg")
    assert len(plan_of(pipeline_file(tmp_path)).jobs) == 2
    with pytest.raises(PlanError, match=r"a\.webp <- a\.jpg, a\.png"):
        plan_of(pipeline_file(tmp_path, write={"format": "webp"}))


def test_only_the_first_of_many_collisions_are_shown(tmp_path: Path) -> None:
    names = [f"{folder}/{number}.png" for folder in "abcd" for number in range(8)]
    save_pictures(tmp_path / "in", *names)
    with pytest.raises(PlanError) as caught:
        plan_of(pipeline_file(tmp_path, write={"name": "{stem}.png"}))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("8 output files would be written more than once")
    assert lines[:-1] == [
        f"  {tmp_path}/out/{number}.png <- a/{number}.png, b/{number}.png, c/{number}.png" for number in range(5)
    ]
    assert lines[-1] == "  and 3 more"


def test_targets_with_equal_short_keys_are_distinguished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collisions, "short_key", lambda *texts: 1)
    save_pictures(tmp_path / "in", "a.png", "b.png", "c/b.png")
    assert len(plan_of(pipeline_file(tmp_path)).jobs) == 3
    with pytest.raises(PlanError, match=r"1 output files would be written more .*\n.*/b\.png <- b\.png, c/b\.png$"):
        plan_of(pipeline_file(tmp_path, write={"name": "{stem}.png"}))


def test_a_url_as_output_folder_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    pipeline = read_pipeline(pipeline_file(tmp_path), CATALOG)
    pipeline.sinks[0].location = lambda: "s3://bucket/out"  # type: ignore[method-assign]
    with pytest.raises(PlanError, match=r"step 'write': s3://bucket/out is a URL, .*; only local folders can be"):
        make_plan(pipeline, CATALOG)


def test_a_url_as_input_overlaps_with_nothing(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    pipeline = read_pipeline(pipeline_file(tmp_path, write={"folder": "in/out"}), CATALOG)
    pipeline.source.location = lambda: "s3://bucket/in"  # type: ignore[method-assign]
    assert len(make_plan(pipeline, CATALOG).jobs) == 1


def test_a_limit_does_not_limit_the_count_of_ignored_files(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b/c.png")
    (tmp_path / "in" / "b" / "z.txt").touch()
    plan = plan_of(pipeline_file(tmp_path), limit=1)
    assert (len(plan.jobs), plan.ignored) == (1, {"files that are not pictures (.txt)": 1})


def test_two_sinks_must_not_write_the_same_files(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match="would be written more than once"):
        plan_of(pipeline_file(tmp_path, {"write": {"folder": "out"}}))


def test_an_output_that_a_second_run_would_read_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match="is inside the input"):
        plan_of(pipeline_file(tmp_path, write={"folder": "in/out"}))
    with pytest.raises(PlanError, match="is inside the input"):
        plan_of(pipeline_file(tmp_path, write={"folder": "in", "name": "{stem}_x"}))
    plan_of(pipeline_file(tmp_path, read={"exclude": ["out/"]}, write={"folder": "in/out"}))
    plan_of(pipeline_file(tmp_path, read={"recursive": False}, write={"folder": "in/out"}))


def test_a_template_that_leads_into_the_input_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match="is inside the input"):
        plan_of(pipeline_file(tmp_path, write={"folder": ".", "name": "in/{stem}", "if_exists": "overwrite"}))


def test_a_folder_and_a_link_to_it_are_one_folder(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(PlanError, match="would be written more than once"):
        plan_of(pipeline_file(tmp_path, {"write": {"folder": "link"}}))
    run_file(pipeline_file(tmp_path, {"write": {"folder": "link", "name": "{stem}_x"}}))
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"a.png", "a_x.png"}


def test_names_that_differ_in_case_collide_where_case_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_pictures(tmp_path / "in", "a.png", "sub/A.PNG")
    path = pipeline_file(tmp_path, write={"name": "{stem}.png"})
    if not collisions.ignores_case(tmp_path):
        assert len(plan_of(path).jobs) == 2
    monkeypatch.setattr(collisions, "ignores_case", lambda folder: True)
    with pytest.raises(PlanError, match=r"a\.png <- a\.png, sub/A\.PNG"):
        plan_of(path)


def test_a_foreign_report_is_not_overwritten(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("mine")
    with pytest.raises(PlanError, match=r"already exist(.|\n)*out/report\.json"):
        plan_of(pipeline_file(tmp_path))
    plan_of(pipeline_file(tmp_path, write={"if_exists": "overwrite"}))


def test_a_picture_whose_index_has_changed_is_remade(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "b.png", "c.png")
    path = pipeline_file(tmp_path, write={"name": "{index}"})
    run_file(path)
    (tmp_path / "in" / "a.png").write_bytes((tmp_path / "in" / "c.png").read_bytes())
    assert [job.reason for job in plan_of(path).jobs] == ["new", "its name was 0.png", "its name was 1.png"]
    run_file(path)
    assert tree(tmp_path / "out").keys() == {"0.png", "1.png", "2.png"}


def test_a_null_character_in_the_output_folder_is_an_error(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match="cannot be used as a folder"):
        plan_of(pipeline_file(tmp_path, write={"folder": "a\0b"}))


def test_problems_of_templates_have_line_and_column(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(
        ConfigError, match=r"pipeline.yaml:1:\d+: steps.1.with.name: unknown field {stam}; did you mean 'stem'"
    ):
        plan_of(pipeline_file(tmp_path, write={"name": "{stam}"}))


def test_a_step_that_cannot_be_prepared_is_reported_as_one_problem(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, {"translate": {"bundle": "nowhere"}}, write={"name": "{stem}_{scale}x"})
    with pytest.raises(ConfigError, match="no bundle 'nowhere' is installed") as caught:
        plan_of(path)
    assert len(caught.value.problems) == 1


def test_foreign_files_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    save_pictures(tmp_path / "out", "a.png")
    with pytest.raises(PlanError, match=r"1 output files already exist(.|\n)*a\.png"):
        plan_of(pipeline_file(tmp_path))
    overwriting = plan_of(pipeline_file(tmp_path, write={"if_exists": "overwrite"}))
    assert [job.reason for job in overwriting.jobs] == ["if_exists is overwrite"] * 2
    skipping = plan_of(pipeline_file(tmp_path, write={"if_exists": "skip"}))
    assert [job.reason for job in skipping.jobs] == ["", "new"]
    with pytest.raises(PlanError, match="already exist"):
        plan_of(pipeline_file(tmp_path, write={"if_exists": "error"}))


def test_a_second_run_is_up_to_date_and_a_changed_one_states_the_reasons(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png", "c.png")
    path = pipeline_file(tmp_path, write={"name": "{stem}.jpg"})
    run_file(path)
    assert plan_of(path).reasons() == {"up to date": 3}
    save_pictures(tmp_path / "in", "a.png", size=(20, 20))
    (tmp_path / "out" / "b.jpg").unlink()
    assert [job.reason for job in plan_of(path).jobs] == ["the input has changed", "the output is missing", ""]
    changed = pipeline_file(tmp_path, write={"name": "{stem}.jpg", "quality": 50})
    assert plan_of(changed).reasons() == {"steps.1.with.quality: 92 -> 50": 3}


def test_outputs_in_a_moved_folder_are_up_to_date(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    run_file(pipeline_file(tmp_path))
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    assert plan_of(pipeline_file(tmp_path, write={"folder": "elsewhere"})).reasons() == {"up to date": 1}


def test_a_folder_in_the_output_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "deep/sub/b.png")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "sub").symlink_to(tmp_path / "theirs")
    with pytest.raises(PlanError, match=r"out/deep/sub: is a link, and outputs such as deep/sub/b.png would be"):
        plan_of(pipeline_file(tmp_path))


@pytest.mark.parametrize(
    "name", [".img2img/{stem}", ".img2img/unfinished/{stem}", "a/.IMG2IMG/{stem}", ".img2img./{stem}"]
)
def test_names_in_the_folder_of_own_files_are_refused(tmp_path: Path, name: str) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(ConfigError, match=r"steps\.1\.with\.name: .*is the folder of this tool's own files"):
        plan_of(pipeline_file(tmp_path, write={"name": name}))


def test_a_field_that_leads_into_the_folder_of_own_files_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    between = {"shade": {"shades": [".img2img"]}}
    with pytest.raises(PlanError, match="is the folder of this tool's own files"):
        plan_of(pipeline_file(tmp_path, between, write={"name": "{shade}/{stem}"}))


def test_two_ways_to_one_folder_are_one_target(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    with pytest.raises(PlanError, match="would be written more than once"):
        plan_of(pipeline_file(tmp_path, {"write": {"folder": "link"}}))


def recorded_locations(out: Path) -> list[str]:
    lines = map(json.loads, (out / ".img2img" / "ledger.jsonl").read_text().splitlines())
    return [line["location"] for line in lines if "location" in line]


def test_inputs_in_a_moved_folder_are_up_to_date_and_their_new_place_is_recorded_once(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "deep/b.png")
    run_file(pipeline_file(tmp_path))
    (tmp_path / "in").rename(tmp_path / "mounted")
    file = pipeline_file(tmp_path, read={"folder": "mounted"})
    assert plan_of(file).reasons() == {"up to date": 2}
    for _ in range(2):
        run_file(file)
        assert recorded_locations(tmp_path / "out")[2:] == [
            str(tmp_path / "mounted" / name) for name in ("a.png", "deep/b.png")
        ]
    assert plan_of(file).reasons() == {"up to date": 2}


@pytest.mark.parametrize("unit", [100, 1_000, 10**6, 10**9, 2 * 10**9])
def test_a_place_with_less_precise_times_is_no_reason_to_remake(tmp_path: Path, unit: int) -> None:
    (path,) = save_pictures(tmp_path / "in", "a.png")
    time = 1_700_000_001_123_456_789
    os.utime(path, ns=(time, time))
    run_file(pipeline_file(tmp_path))
    (tmp_path / "in").rename(tmp_path / "mounted")
    file, path = pipeline_file(tmp_path, read={"folder": "mounted"}), tmp_path / "mounted" / "a.png"
    os.utime(path, ns=(time - time % unit + 1, time - time % unit + 1))
    assert plan_of(file).reasons() == {"the input has changed": 1}
    os.utime(path, ns=(time - time % unit, time - time % unit))
    assert plan_of(file).reasons() == {"up to date": 1}
    run_file(file)
    assert plan_of(file).reasons() == {"up to date": 1}
    os.utime(path, ns=(time, time))
    assert plan_of(file).reasons() == {"the input has changed": 1}, "at the same place, every difference counts"


def test_of_a_copied_folder_only_pictures_with_other_content_are_remade(tmp_path: Path) -> None:
    """Size and time can be equal by chance, as in archives with one time for all files."""
    save_pictures(tmp_path / "in", "a.bmp", "b.bmp")
    run_file(pipeline_file(tmp_path))
    shutil.copytree(tmp_path / "in", tmp_path / "copy")
    other, status = bytearray((tmp_path / "copy" / "b.bmp").read_bytes()), (tmp_path / "in" / "b.bmp").stat()
    other[-1] ^= 1
    (tmp_path / "copy" / "b.bmp").write_bytes(other)
    os.utime(tmp_path / "copy" / "b.bmp", ns=(status.st_mtime_ns, status.st_mtime_ns))
    file = pipeline_file(tmp_path, read={"folder": "copy"})
    assert plan_of(file).reasons() == {
        "up to date": 1,
        f"the input has changed: it was {tmp_path / 'in' / 'b.bmp'}": 1,
    }
    run_file(file)
    assert plan_of(file).reasons() == {"up to date": 2}


def test_a_link_to_the_input_folder_is_no_reason_to_remake(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    run_file(pipeline_file(tmp_path))
    (tmp_path / "link").symlink_to("in")
    assert plan_of(pipeline_file(tmp_path, read={"folder": "link"})).reasons() == {"up to date": 1}


def test_by_content_times_do_not_matter_and_every_edit_counts(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.bmp", "b.bmp")
    file = pipeline_file(tmp_path, read={"changed": "content"})
    run_file(file)
    path, status = tmp_path / "in" / "a.bmp", (tmp_path / "in" / "a.bmp").stat()
    os.utime(path, ns=(7, 7))
    os.utime(tmp_path / "in" / "b.bmp", ns=(7, 7))
    assert plan_of(file).reasons() == {"up to date": 2}
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert plan_of(file).reasons() == {"up to date": 1, "the input has changed": 1}
    path.unlink()
    os.mkfifo(path)  # reading it would block
    assert plan_of(file).reasons() == {"up to date": 1, "the input has changed": 1}


def test_another_way_of_comparing_is_a_reason_of_its_own(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    run_file(pipeline_file(tmp_path))
    by_content = pipeline_file(tmp_path, read={"changed": "content"})
    assert plan_of(by_content).reasons() == {"its input was compared by time, and now by content": 1}
    run_file(by_content)
    assert plan_of(by_content).reasons() == {"up to date": 1}
    assert plan_of(pipeline_file(tmp_path)).reasons() == {"its input was compared by content, and now by time": 1}


def test_pictures_larger_than_a_limit_are_skipped_by_name(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "c.png", "deep/b.jpg")
    save_pictures(tmp_path / "in", "big.png", "deep/wide.jpg", size=(64, 20))
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    file = pipeline_file(tmp_path, read={"skip_larger": {"width": 63}})
    plan = plan_of(file)
    assert [(job.entry.title, job.reason) for job in plan.skipped] == [
        ("big.png", "larger than a width of 63: 64x20"),
        ("deep/wide.jpg", "larger than a width of 63: 64x20"),
    ]
    assert [job.entry.title for job in plan.jobs] == ["a.png", "broken.png", "c.png", "deep/b.jpg"]
    result = run_file(file)
    assert [(each.entry.title, each.status) for each in result.outcomes if each.status != "done"] == [
        ("broken.png", "failed"),
        ("big.png", "skipped"),
        ("deep/wide.jpg", "skipped"),
    ]
    assert set(tree(tmp_path / "out")) == {"a.png", "c.png", "deep/b.jpg"}
    assert {job.entry.title for job in plan_of(file, limit=2).jobs} == {"a.png", "broken.png"}
    assert plan_of(pipeline_file(tmp_path, read={"skip_larger": {"width": 64}})).skipped.to_make_count == 0


def test_a_run_around_the_folder_of_another_run_is_refused_with_the_way_out(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "deep/b.png", "other/c.png")
    file = pipeline_file(tmp_path)
    with OutputFolder(tmp_path / "out" / "deep"):
        with pytest.raises(LockError, match=r"out contains deep, and another run .* or choose another output folder"):
            plan_of(file)
        assert len(plan_of(file, limit=1).jobs) == 1  # nothing is written there
        assert len(plan_of(pipeline_file(tmp_path, write={"folder": "elsewhere"})).jobs) == 3
    assert len(plan_of(file).jobs) == 3


def test_what_is_up_to_date_may_be_in_the_folder_of_another_run(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "deep/b.png")
    file = pipeline_file(tmp_path)
    run_file(file)
    with OutputFolder(tmp_path / "out" / "deep"):
        assert plan_of(file).reasons() == {"up to date": 1}


def test_a_run_inside_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with OutputFolder(tmp_path / "out"):
        with pytest.raises(LockError, match=r"inside is inside .*out, and another run .* or choose another output"):
            plan_of(pipeline_file(tmp_path, write={"folder": "out/inside"}))
        assert not (tmp_path / "out" / "inside").exists()
