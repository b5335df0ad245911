"""Several outputs per picture: planned, made, recorded and reported separately."""

from __future__ import annotations

import json
import threading
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import save_pictures, tree
from PIL import Image
from pipelines_for_tests import pipeline_file, plan_of, run_file, run_plan

from img2imgkit.errors import ConfigError, DecodeError, PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline import make_report, write_report
from img2imgkit.pipeline.loading import Loader
from img2imgkit.pipeline.plan import Plan

SHADE = {"shade": {}}
NAMED = {"name": "{relpath}/{stem}_{shade}"}


def shade(*shades: str, **options: str) -> dict[str, object]:
    return {"shade": {"shades": list(shades), **options}}


def planned(plan: Plan) -> list[tuple[str, str]]:
    return [(str(job.targets[-1]), job.reason) for job in plan.jobs]


def test_each_picture_has_one_output_per_value(tmp_path: Path) -> None:
    (first, _) = save_pictures(tmp_path / "in", "a.png", "b/c.png")
    result = run_file(pipeline_file(tmp_path, SHADE, write=NAMED))
    assert [outcome.entry.title for outcome in result.outcomes] == [
        *("a.png (shade: 10)", "a.png (shade: 100)", "b/c.png (shade: 10)", "b/c.png (shade: 100)"),
    ]
    assert set(tree(tmp_path / "out")) == {"a_10.png", "a_100.png", "b/c_10.png", "b/c_100.png"}
    before = np.asarray(Image.open(first))
    for percent in (10, 100):
        made = np.asarray(Image.open(tmp_path / "out" / f"a_{percent}.png"))
        np.testing.assert_array_equal(made, before.astype(int) * percent // 100)


def test_several_steps_produce_every_combination(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, SHADE, shade("30", "60", field="more"), write={"name": "{stem}_{shade}_{more}"})
    assert [name for name, _ in planned(plan_of(path))] == [
        *("a_10_30.png", "a_10_60.png", "a_100_30.png", "a_100_60.png"),
    ]


def test_limit_and_index_count_pictures(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "1.png", "2.png", "3.png")
    plan = plan_of(pipeline_file(tmp_path, SHADE, write={"name": "{index}_{shade}"}), limit=2)
    assert [name for name, _ in planned(plan)] == ["0_10.png", "0_100.png", "1_10.png", "1_100.png"]


def test_an_added_value_makes_only_its_own_outputs(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path, SHADE, write=NAMED)
    run_file(path)
    assert planned(plan_of(path)) == [("a_10.png", ""), ("a_100.png", "")]
    path = pipeline_file(tmp_path, shade("50", "100"), write=NAMED)
    assert planned(plan_of(path)) == [("a_50.png", "new"), ("a_100.png", "")]
    (tmp_path / "out" / "a_10.png").unlink()
    path = pipeline_file(tmp_path, SHADE, write=NAMED)
    assert planned(plan_of(path)) == [("a_10.png", "the output is missing"), ("a_100.png", "")]
    save_pictures(tmp_path / "in", "a.png", size=(5, 5))
    assert {reason for _, reason in planned(plan_of(path))} == {"the input has changed"}


@pytest.mark.parametrize("rule", ["skip", "overwrite", "error"])
def test_if_exists_applies_to_each_output(tmp_path: Path, rule: str) -> None:
    save_pictures(tmp_path / "in", "a.png")
    save_pictures(tmp_path / "out", "a_10.png")
    path = pipeline_file(tmp_path, SHADE, write={**NAMED, "if_exists": rule})
    if rule == "error":
        with pytest.raises(PlanError, match=r"1 output files already exist(.|\n)*a_10\.png"):
            plan_of(path)
        return
    reasons = {"skip": ["", "new"], "overwrite": ["if_exists is overwrite"] * 2}
    assert [reason for _, reason in planned(plan_of(path))] == reasons[rule]


def test_a_name_template_without_the_field_is_refused_and_the_error_names_the_field(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match=r"such as \{shade\}:\n.*a\.png <- a\.png \(shade: 10\), a\.png \(shade: 100\)"):
        plan_of(pipeline_file(tmp_path, SHADE))
    save_pictures(tmp_path / "in", "b/a.png")
    with pytest.raises(PlanError, match=r"such as \{shade\}, \{relpath\}, \{ext\} or \{index\}:\n"):
        plan_of(pipeline_file(tmp_path, SHADE, write={"name": "{stem}"}))
    with pytest.raises(PlanError, match=r"such as \{relpath\}, \{ext\} or \{index\}:\n"):
        plan_of(pipeline_file(tmp_path, SHADE, write={"name": "{stem}_{shade}"}))


@pytest.mark.parametrize(
    ("steps", "name", "reason"),
    [
        (
            [SHADE, SHADE],
            "{shade}",
            r"steps\.2\.with: produces several outputs .* by \{shade\}, but an earlier step",
        ),
        ([shade()], "{stem}", r"steps\.1\.with: .* by \{shade\}, but states no value"),
        ([shade("1", "2", "1")], "{shade}", r"steps\.1\.with: .* by \{shade\}, but '1' is stated twice"),
        ([shade("1", field="stem")], "{stem}", r"steps\.2\.with\.name: .* by \{stem\}, but that field has another"),
        ([], "{shade}", r"steps\.1\.with\.name: unknown field \{shade\}"),
        ([SHADE], "{shad}", r"unknown field \{shad\}; did you mean 'shade'\?; known are .*\{shade\}"),
        ([SHADE], "{shade:03d}", r"unsupported format of \{shade\}"),
    ],
)
def test_invalid_fields_are_refused(tmp_path: Path, steps: list, name: str, reason: str) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(ConfigError, match=reason):
        plan_of(pipeline_file(tmp_path, *steps, write={"name": name}))


def test_a_field_of_a_step_that_failed_is_not_reported_as_a_second_problem(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    with pytest.raises(ConfigError) as caught:
        plan_of(pipeline_file(tmp_path, {"translate": {"bundle": "nowhere"}}, write={"name": "{stem}_{domain}"}))
    assert len(caught.value.problems) == 1


def test_an_earlier_sink_writes_each_file_once(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    path = pipeline_file(tmp_path, {"write": {"folder": "all"}}, SHADE, write=NAMED)
    plan = plan_of(path)
    assert [job.targets[0] and str(job.targets[0]) for job in plan.jobs] == ["a.png", None, "b.png", None]
    result = run_plan(plan)
    assert [len(outcome.outputs) for outcome in result.outcomes] == [2, 1, 2, 1]
    assert set(tree(tmp_path / "all")) == {"a.png", "b.png"}
    assert plan_of(path).reasons() == {"up to date": 4}
    (tmp_path / "all" / "b.png").unlink()
    assert [reason for _, reason in planned(plan_of(path))] == ["", "", "the output is missing", ""]


def test_outputs_of_an_earlier_sink_do_not_depend_on_the_values(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    early = {"write": {"folder": "all"}}
    run_file(pipeline_file(tmp_path, early, SHADE, write=NAMED))
    assert planned(plan_of(pipeline_file(tmp_path, early, shade("100"), write=NAMED))) == [("a_100.png", "")]
    path = pipeline_file(tmp_path, early, shade("100", "10"), write=NAMED)
    assert planned(plan_of(path)) == [("a_100.png", ""), ("a_10.png", "")]


def test_a_failure_affects_only_its_own_variant(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    result = run_file(pipeline_file(tmp_path, shade("10", "dark"), write=NAMED))
    assert [(outcome.entry.variant, outcome.status) for outcome in result.outcomes] == [
        ((("shade", "10"),), "done"),
        ((("shade", "dark"),), "failed"),
    ]
    assert set(tree(tmp_path / "out")) == {"a_10.png"}


def test_the_report_distinguishes_variants(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(pipeline_file(tmp_path, SHADE, write=NAMED))
    page = write_report(make_report(plan, run_plan(plan), 0.0), plan)
    report = json.loads(page.with_name("report.json").read_text())
    assert [item["variant"] for item in report["items"]] == [{"shade": "10"}, {"shade": "100"}]
    assert [Path(item["outputs"][0]["path"]).name for item in report["items"]] == ["a_10.png", "a_100.png"]
    assert report["totals"]["done"] == 2
    assert "a.png (shade: 10)" in page.read_text()
    after = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out/.img2img/thumbnails").glob("*after*"))]
    assert len(after) == 2
    assert (after[0] != after[1]).any()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 6), st.lists(st.sampled_from(["0", "5", "50", "99", "100"]), min_size=1, unique=True))
def test_the_tree_does_not_depend_on_the_number_of_threads(
    tmp_path_factory: pytest.TempPathFactory, threads: int, shades: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("threads")
    save_pictures(folder / "in", "a.png", "b.png", "deep/c.png")
    trees = []
    for number in (1, threads):
        write = {**NAMED, "folder": f"out{number}", "if_exists": "overwrite"}
        assert run_file(pipeline_file(folder, shade(*shades), write=write), threads=number).count("failed") == 0
        trees.append(tree(folder / f"out{number}"))
    assert trees[0] == trees[1]
    assert len(trees[0]) == 3 * len(shades)


class TestLoader:
    def test_a_picture_is_decoded_once_and_then_released(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png")
        plan = plan_of(pipeline_file(tmp_path, shade("1", "2", "3", "4"), write=NAMED))
        source, load, loaded = plan.pipeline.source, plan.pipeline.source.load, []
        source.load = lambda entry: loaded.append(entry) or load(entry)  # type: ignore[assignment,func-returns-value,method-assign]
        entries = [job.entry for job in plan.jobs]
        loader = Loader(source)
        loader.expect(0, len(entries))
        items = [loader.load(entry) for entry in entries]
        assert [item.entry for item in items] == entries
        assert [entry.variant for entry in loaded] == [()]
        assert len({id(item.picture) for item in items}) == 1
        assert loader._shared == {}

    def test_threads_wait_for_the_one_that_decodes(self, tmp_path: Path) -> None:
        save_pictures(tmp_path / "in", "a.png", "b.png")
        plan = plan_of(pipeline_file(tmp_path, shade("1", "2", "3", "4"), write=NAMED))
        source, load, loaded, lock = plan.pipeline.source, plan.pipeline.source.load, [], threading.Lock()

        def counting(entry: Entry) -> object:
            with lock:
                loaded.append(entry.relative)
            return load(entry)

        source.load = counting  # type: ignore[assignment,method-assign]
        assert run_plan(plan, threads=4).count("done") == 8
        assert sorted(loaded) == [PurePosixPath("a.png"), PurePosixPath("b.png")]

    def test_a_picture_that_cannot_be_decoded_fails_for_each_variant(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a.png").write_bytes(b"no picture")
        plan = plan_of(pipeline_file(tmp_path, SHADE, write=NAMED))
        loader = Loader(plan.pipeline.source)
        loader.expect(0, len(plan.jobs))
        for job in plan.jobs:
            with pytest.raises(DecodeError):
                loader.load(job.entry)
