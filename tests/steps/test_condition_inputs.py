"""Condition inputs of a ``translate`` step: values, codes and attributes, one or several of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import steps_for_tests
from PIL import Image
from tiny_tasks import Painted, Tinted, TinyPlugin, loaded, tiny_catalog

from img2imgkit import bundle, data, steps
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import ConfigError
from img2imgkit.inference import save_code
from img2imgkit.pipeline import Result, ThreadExecutor, make_plan, read_pipeline, run
from img2imgkit.pipeline.executor import Watcher
from img2imgkit.step import Resources
from img2imgkit.steps import condition_files

CATALOG = Catalog(
    (
        Plugin("data-kinds", lambda: data),
        Plugin("steps", lambda: steps, version="1"),
        Plugin("tests", lambda: steps_for_tests, version="1"),
        Plugin("tiny", lambda: TinyPlugin, version="1"),
    )
)


class Silent(Watcher):
    """A watcher that ignores everything."""

    def started(self, total: int, up_to_date: int) -> None: ...

    def finished(self, outcome: Any) -> None: ...


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundles")
    for task in (Tinted, Painted):
        made = loaded(task)
        bundle.save(place / task.name, made.task, made.nets, task.name, tiny_catalog())
    return place


@pytest.fixture
def work(tmp_path: Path, bundles: Path) -> Path:
    """A folder with two grey pictures, styles of several colours, attributes, and the bundles."""
    for name in ("in/one.png", "in/two.png"):
        painted(tmp_path / name, 128)
    painted(tmp_path / "styles/dark.png", 0)
    painted(tmp_path / "styles/light.png", 255)
    painted(tmp_path / "own/one.png", 255)
    painted(tmp_path / "own/two.jpg", 0)
    painted(tmp_path / "sets/even/a.png", 0)
    painted(tmp_path / "sets/even/b.png", 255)
    painted(tmp_path / "sets/odd/a.png", 0)
    (tmp_path / "attr.txt").write_text("dark young\none.png 1 -1\ntwo.png -1 1\n")
    (tmp_path / "bundles").symlink_to(bundles)
    return tmp_path


def painted(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), (level, level, level)).save(path)


def pipeline(work: Path, name: str = "{stem}", **options: Any) -> Path:
    uses = [
        {"uses": "read", "with": {"folder": "in"}},
        {"uses": "translate", "with": {"bundle": str(work / "bundles" / "tiny-tinted"), **options}},
        {"uses": "write", "with": {"folder": "out", "name": name}},
    ]
    path = work / "pipeline.yaml"
    path.write_text(json.dumps({"name": "test", "steps": uses}))
    return path


def carried_out(path: Path) -> Result:
    plan = make_plan(read_pipeline(path, CATALOG), CATALOG)
    return run(plan, ThreadExecutor(plan.pipeline, Resources("cpu")), Silent())


def reds(work: Path) -> dict[str, int]:
    """The red level of each output."""
    out = work / "out"
    return {str(p.relative_to(out)): Image.open(p).getpixel((0, 0))[0] for p in sorted(out.rglob("*.png"))}  # type: ignore[index]


def problems(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        make_plan(read_pipeline(path, CATALOG), CATALOG)
    return str(raised.value)


def level(code: float, tint: float) -> int:
    """The level that middle grey becomes."""
    return round(127.5 + 127.5 * (0.1 * (128 / 127.5 - 1) + 0.5 * (code + tint)))


def test_pictures_are_averaged_from_a_file_or_a_folder(work: Path) -> None:
    carried_out(pipeline(work, inputs={"style": {"pictures": "styles"}}))
    assert reds(work) == {"one.png": level(0, 0.5), "two.png": level(0, 0.5)}
    carried_out(pipeline(work, inputs={"style": {"pictures": "styles/dark.png"}, "tint": "blue"}))
    assert reds(work) == {"one.png": level(-1, -0.5), "two.png": level(-1, -0.5)}


def test_each_picture_can_have_its_own_style(work: Path) -> None:
    carried_out(pipeline(work, inputs={"style": {"matched": "own"}, "tint": "blue"}))
    assert reds(work) == {"one.png": level(1, -0.5), "two.png": level(-1, -0.5)}


def test_a_picture_without_a_match_fails_without_affecting_the_others(work: Path) -> None:
    (work / "own" / "two.jpg").unlink()
    result = carried_out(pipeline(work, inputs={"style": {"matched": "own"}}))
    failed = [outcome for outcome in result.outcomes if outcome.status == "failed"]
    assert [outcome.entry.path.name for outcome in failed] == ["two.png"]
    assert "own contains no picture named 'two'" in failed[0].reason
    assert list(reds(work)) == ["one.png"]


def test_a_code_file_is_equivalent_to_its_pictures(work: Path, bundles: Path) -> None:
    manifest = bundle.describe(bundles / "tiny-tinted")
    save_code(work / "light.json", np.ones(3, np.float32), "style", manifest, [])
    carried_out(pipeline(work, inputs={"style": {"code": "light.json"}, "tint": "blue"}))
    assert reds(work) == {"one.png": level(1, -0.5), "two.png": level(1, -0.5)}


def test_a_code_of_another_bundle_is_refused_before_anything_is_decoded(work: Path, bundles: Path) -> None:
    save_code(work / "c.json", np.ones(3, np.float32), "style", bundle.describe(bundles / "tiny-painted"), [])
    message = problems(pipeline(work, inputs={"style": {"code": "c.json"}}))
    assert message.count("\n") == 0
    assert "inputs.style: " in message
    assert "c.json: encoded with another bundle (tiny-painted): encode again with tiny-tinted" in message


def test_hidden_files_in_folders_are_ignored(work: Path) -> None:
    for place in ("styles/.img2img/thumbnails/a.png", "styles/._dark.png", "sets/even/._a.png", "sets/._b.png"):
        painted(work / place, 255)
    carried_out(pipeline(work, inputs={"style": {"pictures": "styles"}, "tint": "blue"}))
    assert reds(work) == {"one.png": level(0, -0.5), "two.png": level(0, -0.5)}
    plan = make_plan(
        read_pipeline(pipeline(work, "{stem}{style}", each={"style": {"pictures": "sets"}}), CATALOG), CATALOG
    )
    assert [str(job.targets[0]) for job in plan.jobs] == ["oneeven.png", "oneodd.png", "twoeven.png", "twoodd.png"]
    plan = make_plan(
        read_pipeline(pipeline(work, "{style}", each={"style": {"pictures": "styles"}}), CATALOG), CATALOG, 1
    )
    assert [str(job.targets[0]) for job in plan.jobs] == ["dark.png", "light.png"]


def test_two_matches_of_the_same_name_are_refused(work: Path) -> None:
    painted(work / "own" / "one.jpg", 0)
    message = problems(pipeline(work, inputs={"style": {"matched": "own"}}))
    assert "own/one.png: has the same name as one.jpg; keep one of them" in message


def test_pictures_of_a_folder_are_decoded_one_by_one(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    decode, encode = condition_files.decode, Tinted.encode
    monkeypatch.setattr(condition_files, "decode", lambda path: done.append("decode") or decode(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(Tinted, "encode", lambda *given: done.append("encode") or encode(*given))  # type: ignore[func-returns-value]
    carried_out(pipeline(work, inputs={"style": {"pictures": "styles"}}))
    assert done[-4:] == ["decode", "encode"] * 2


def test_attributes_are_looked_up_by_name(work: Path) -> None:
    options = {"style": {"pictures": "styles"}, "traits": {"attributes": "attr.txt"}}
    carried_out(pipeline(work, inputs=options))
    assert reds(work) == {"one.png": level(0, 0.25), "two.png": level(0, 0.5)}


def test_every_picture_is_translated_with_each_value(work: Path) -> None:
    path = pipeline(work, "{tint}/{stem}", inputs={"style": {"pictures": "styles"}}, each={"tint": "all"})
    carried_out(path)
    expected = {
        f"{tint}/{stem}.png": level(0, 0.5 if tint == "red" else -0.5)
        for tint in ("blue", "red")
        for stem in ("one", "two")
    }
    assert reds(work) == expected
    assert all(outcome.status == "up to date" for outcome in carried_out(path).outcomes)


def test_several_inputs_multiply(work: Path) -> None:
    several = {"tint": ["blue"], "style": {"pictures": "sets"}}
    carried_out(pipeline(work, "{stem}-{style}-{tint}", each=several))
    assert reds(work) == {
        **{f"{stem}-even-blue.png": level(0, -0.5) for stem in ("one", "two")},
        **{f"{stem}-odd-blue.png": level(-1, -0.5) for stem in ("one", "two")},
    }


def test_each_picture_of_a_folder_is_a_separate_code(work: Path) -> None:
    carried_out(pipeline(work, "{stem}-{style}", each={"style": {"pictures": "styles"}}))
    assert sorted(reds(work)) == ["one-dark.png", "one-light.png", "two-dark.png", "two-light.png"]


def test_outputs_are_remade_when_a_style_has_changed(work: Path) -> None:
    path = pipeline(work, inputs={"style": {"pictures": "styles/dark.png"}})
    carried_out(path)
    assert {outcome.status for outcome in carried_out(path).outcomes} == {"up to date"}
    painted(work / "styles" / "dark.png", 40)
    assert {outcome.status for outcome in carried_out(path).outcomes} == {"done"}


def test_an_added_class_makes_only_its_own_outputs_and_a_changed_one_remakes_them(work: Path) -> None:
    path = pipeline(work, "{stem}-{style}", each={"style": {"pictures": "sets"}}, inputs={"tint": "blue"})
    carried_out(path)

    def made() -> set[str]:
        return {dict(o.entry.variant)["style"] for o in carried_out(path).outcomes if o.status == "done"}

    assert made() == set()
    painted(work / "sets/third/a.png", 90)
    assert made() == {"third"}
    painted(work / "sets/odd/b.png", 200)
    assert made() == {"odd"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "steps.1.with.inputs: task 'tiny-tinted' needs 'style' (pictures of a colour); state it here"),
        ({"inputs": {"stile": 1}}, "steps.1.with.inputs.stile: task 'tiny-tinted' has no input 'stile'; did you mean"),
        ({"inputs": {"style": "styles"}}, "inputs.style: expected {pictures: PATH} or {code: PATH} or {matched: PATH}"),
        ({"inputs": {"style": {"pictures": "no"}}}, "no: no such file or folder"),
        ({"inputs": {"style": {"pictures": "out"}}}, "out: contains no picture"),
        ({"inputs": {"style": {"matched": "styles/dark.png"}}}, "styles/dark.png: no such folder"),
        ({"inputs": {"style": {"code": "attr.txt"}}}, "inputs.style: "),
        ({"inputs": {"style": {"picture": "styles"}}}, "style.picture: unknown option; did you mean 'pictures'?"),
        ({"inputs": {"style": {"pictures": "a", "code": "b"}}}, "state exactly one of pictures, code, matched"),
        ({"inputs": {"tint": "green"}}, "inputs.tint: input 'tint' of task 'tiny-tinted': expected one of red, blue"),
        ({"inputs": {"tint": {"pictures": "styles"}}}, "'tint' is a value; state it as tint: red"),
        ({"inputs": {"hidden": 3}}, "'hidden' belongs to the picture; read it with a read-labels step"),
        ({"inputs": {"traits": {"attributes": "styles/dark.png"}}}, "cannot be read"),
        ({"each": {"style": "all"}}, "each.style: the task has no list of all values"),
        ({"each": {"tint": []}}, "each.tint: is empty"),
        ({"each": {"tint": ["red", "red"]}}, "each.tint: states a value twice"),
        ({"each": {"tint": ["red", "rde"]}}, "expected one of red, blue, got 'rde'"),
        ({"each": {"style": {"pictures": "styles/dark.png"}}}, "expected {pictures: FOLDER} or {code: FOLDER}"),
        ({"each": {"style": {"code": "styles"}}}, "contains nothing for 'code'"),
        ({"inputs": {"tint": "red"}, "each": {"tint": "all"}}, "each.tint: is also stated under 'inputs'"),
    ],
)
def test_invalid_inputs_are_refused_before_anything_is_decoded(work: Path, options: Any, match: str) -> None:
    (work / "out").mkdir()
    assert match in problems(pipeline(work, "{stem}-{tint}" if "each" in options else "{stem}", **options))


@pytest.mark.parametrize(
    ("source", "before", "match"),
    [
        (
            {"uses": "read"},
            [],
            "steps.1.with: task 'tiny-painted' needs 'label' maps (ids of classes): read pictures with 'read-labels'",
        ),
        (
            {"uses": "read-labels"},
            [],
            "needs 'instance' maps (ids of objects): set 'instances' of 'read-labels'",
        ),
        (
            {"uses": "read-labels", "instances": "in"},
            ["tiny-painted"],
            "steps.2.with: task 'tiny-painted' needs 'label' maps",
        ),
    ],
)
def test_missing_maps_are_an_error_while_planning(
    work: Path, source: dict[str, str], before: list[str], match: str
) -> None:
    uses = source.pop("uses")
    steps_ = [
        {"uses": "translate", "with": {"bundle": str(work / "bundles" / name)}} for name in (*before, "tiny-painted")
    ]
    first = {"uses": uses, "with": {"folder": "in", **source}}
    last = {"uses": "write", "with": {"folder": "out"}}
    path = work / "pipeline.yaml"
    path.write_text(json.dumps({"name": "test", "steps": [first, *steps_, last]}))
    assert match in problems(path)
