"""Engine forms that bundles lack: made if that pays, found again, never wrong, never the reason that a run fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pipelines_for_tests import Silent, pipeline_file
from tiny_tasks import Directed, Plain, Tinted, loaded, tiny_catalog

from img2imgkit import bundle, steps
from img2imgkit.bundle import Bundle, FormRecord
from img2imgkit.catalog import Plugin
from img2imgkit.errors import BundleError, ConfigError, ExportError
from img2imgkit.exporting import add_engine_form, form_cache
from img2imgkit.exporting.engine_form import write_engine_form
from img2imgkit.pipeline import Plan, Result, ThreadExecutor, make_plan, read_pipeline, run
from img2imgkit.pipeline.notes import kinds_of_notes
from img2imgkit.pipeline.watching import Watch
from img2imgkit.pipeline.workload import Workload
from img2imgkit.places import HOME_VARIABLE, Places
from img2imgkit.step import Resources

CATALOG = tiny_catalog(Plugin("steps", lambda: steps, version="1"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles without engine form, and "directed", which has that of its default direction."""
    folder = tmp_path_factory.mktemp("models")
    for name, task in (("plain", Plain), ("directed", Directed), ("tinted", Tinted)):
        made = loaded(task)
        bundle.save(folder / name, made.task, made.nets, name, CATALOG)
    assert add_engine_form(bundle.load(folder / "directed", CATALOG)) == ""
    return folder


@pytest.fixture(scope="module")
def plain_form(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FormRecord]:
    folder = tmp_path_factory.mktemp("forms") / "plain"
    return folder, write_engine_form(bundle.load(models / "plain", CATALOG), folder)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, plain_form: tuple[Path, FormRecord]) -> list[str]:
    """The bundles whose forms are made, which pays from 200 pixels on; the one of "plain" is copied."""
    names: list[str] = []

    def write(own: Bundle, folder: Path) -> FormRecord:
        names.append(own.manifest.name)
        if own.manifest.name != "plain":
            return write_engine_form(own, folder)
        shutil.copytree(plain_form[0], folder)
        return plain_form[1]

    monkeypatch.setattr(form_cache, "write_engine_form", write)
    for name, value in (("SECONDS", 200.0), ("SECONDS_PER_PARAMETER", 0.0), ("SAVED_PER_PIXEL", 1.0)):
        monkeypatch.setattr(form_cache, name, value)
    return names


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, counting the pixels of a run is an error."""

    def never(*_: object) -> int:
        raise AssertionError("the pixels are counted, although they do not decide")

    return lambda: monkeypatch.setattr(Workload, "pixels", never)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pictures of 108 pixels, and a user without cached forms."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.effect_noise((12, 9), 90).convert("RGB").save(f"in/{name}.png")
    return tmp_path


def planned(
    model: Path, out: str = "out", told: list[str] | None = None, limit: int | None = None, dry: bool = False, **on: Any
) -> Plan:
    path = pipeline_file(Path.cwd(), {"translate": {"bundle": str(model), **on}}, write={"folder": out})
    tell = ([] if told is None else told).append
    return make_plan(read_pipeline(path, CATALOG), CATALOG, limit, Resources("cpu"), dry=dry, tell=tell)


def ran(plan: Plan) -> Result:
    result = run(plan, ThreadExecutor(plan.pipeline, Resources("cpu")), Silent())
    assert result.count("failed") == 0
    return result


def engine_of(plan: Plan) -> dict[str, Any]:
    on: dict[str, Any] = plan.recipes.common.steps[1]["on"]["engine"]
    return on


def pixels(path: str) -> Any:
    return np.asarray(Image.open(path), np.int32)


class TestARun:
    def test_makes_the_form_if_that_pays_and_says_so(self, models: Path, folder: Path, made: list[str]) -> None:
        told: list[str] = []
        plan = planned(models / "plain", told=told)
        assert (engine_of(plan)["name"], engine_of(plan)["form"]) == ("openvino", bundle.FORM_VERSION)
        assert made == ["plain"]
        assert told == [
            "plain: making its engine form for openvino, about 200 s; this run alone saves more than that, and later "
            "ones find the form in the cache"
        ]
        assert ran(plan).devices == ("CPU",)

    def test_finds_the_form_of_an_earlier_one_for_any_work(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        planned(models / "plain")
        uncounted()
        told: list[str] = []
        assert engine_of(planned(models / "plain", limit=1, told=told))["name"] == "openvino"
        assert (made, told) == (["plain"], [])

    def test_of_few_pixels_uses_tensorflow(self, models: Path, folder: Path, made: list[str]) -> None:
        told: list[str] = []
        assert engine_of(planned(models / "plain", limit=1, told=told))["name"] == "tensorflow"
        assert (made, told) == ([], [])

    def test_keeps_the_engine_of_the_outputs_that_it_resumes(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        ran(planned(models / "plain", limit=1))
        uncounted()
        plan = planned(models / "plain")
        assert engine_of(plan)["name"] == "tensorflow"
        assert dict(plan.reasons()) == {"up to date": 1, "new": 1}
        assert made == []

    def test_makes_a_form_again_only_when_a_picture_needs_it(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        ran(planned(models / "plain"))
        shutil.rmtree(Places.of_user().cache)
        uncounted()
        told: list[str] = []
        plan = planned(models / "plain", told=told)
        ran(plan)
        assert (engine_of(plan)["name"], dict(plan.reasons())) == ("openvino", {"up to date": 2})
        assert "plain: openvino needs an engine form, which is made before the first picture" in told[0]
        assert made == ["plain"]
        shutil.copy("in/a.png", "in/c.png")
        assert ran(planned(models / "plain")).count("done") == 1
        assert made == ["plain", "plain"]

    def test_for_which_no_form_can_be_made_uses_tensorflow_and_notes_it(
        self, models: Path, folder: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> None:
            raise ExportError("translate cannot be converted; it differs")

        monkeypatch.setattr(form_cache, "write_engine_form", fails)
        plan = planned(models / "plain")
        assert engine_of(plan)["name"] == "tensorflow"
        (note,) = kinds_of_notes(ran(plan).outcomes)
        said = "no engine form can be made: translate cannot be converted, it differs"
        assert (note.note, note.pictures) == (said, 2)

    def test_makes_a_damaged_form_of_the_cache_anew(self, models: Path, folder: Path, made: list[str]) -> None:
        plan = planned(models / "plain")
        (file,) = Places.of_user().cache.rglob("translate.onnx")
        file.write_bytes(bytes(file.stat().st_size))
        assert ran(plan).count("done") == 2
        assert made == ["plain", "plain"]

    def test_does_not_make_its_own_damaged_form_anew(self, models: Path, folder: Path, made: list[str]) -> None:
        shutil.copytree(models / "directed", "directed")
        file = Path("directed/engine/translate.onnx")
        file.write_bytes(bytes(file.stat().st_size))
        plan = planned(folder / "directed")
        with pytest.raises(BundleError, match="damaged: its sha256 differs from its record"):
            plan.pipeline.uses[1].step.open(Resources("cpu"))
        assert made == []

    def test_that_cannot_read_its_pictures_does_not_count_them(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        shutil.rmtree("in")
        uncounted()
        with pytest.raises(ConfigError, match=r"steps\.0\.with\.folder: .*no such file or folder"):
            planned(models / "plain")


class TestAWatchedFolder:
    def test_is_not_counted(self, models: Path, folder: Path, made: list[str]) -> None:
        told: list[str] = []
        path = pipeline_file(folder, {"translate": {"bundle": str(models / "plain")}})
        pipeline = read_pipeline(path, CATALOG)
        Watch(pipeline, CATALOG, 1.0, Resources("cpu"), told.append)
        step: Any = pipeline.uses[1].step
        assert (step.selected.name, told, made) == ("tensorflow", [], [])
        Watch(pipeline, CATALOG, 1.0, Resources("cpu", "openvino"), told.append)
        assert (step.selected.name, len(told), made) == ("openvino", 1, [])


class TestADryRun:
    def test_makes_nothing_and_plans_what_the_run_does(self, models: Path, folder: Path, made: list[str]) -> None:
        told: list[str] = []
        dry = planned(models / "plain", dry=True, told=told)
        assert (made, (folder / "home").exists()) == ([], False)
        assert told[0].startswith("plain: the run would first make its engine form for openvino, about 200 s; ")
        plan = planned(models / "plain")
        assert dry.recipes.common.digest == plan.recipes.common.digest
        assert dry.reasons() == plan.reasons() == {"new": 2}
        ran(plan)
        assert planned(models / "plain", dry=True).reasons() == {"up to date": 2}


class TestAStatedEngine:
    def test_gets_its_form_whether_or_not_it_pays(self, models: Path, folder: Path, made: list[str]) -> None:
        plan = planned(models / "plain", limit=1, engine="openvino")
        assert (engine_of(plan)["name"], made) == ("openvino", [])
        ran(plan)
        assert made == ["plain"]

    def test_without_a_form_is_an_error_that_names_the_ways_out(
        self, models: Path, folder: Path, made: list[str]
    ) -> None:
        (folder / "home").write_text("a file in place of the folder")
        plan = planned(models / "plain", engine="onnxruntime")
        with pytest.raises(BundleError, match=r"no engine form can be kept in .*'engine: tensorflow'.*img2img prepare"):
            plan.pipeline.uses[1].step.open(Resources("cpu"))

    def test_of_networks_needs_no_form(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        uncounted()
        assert engine_of(planned(models / "plain", engine="tensorflow"))["name"] == "tensorflow"
        assert made == []


class TestTheRightForm:
    @pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
    def test_has_the_choices_of_the_step(self, models: Path, folder: Path, made: list[str], direction: str) -> None:
        choices = {"choices": {"direction": direction}}
        for name in ("openvino", "tensorflow"):
            plan = planned(models / "directed", name, engine=name, **choices)
            assert engine_of(plan)["name"] == name
            ran(plan)
        assert made == ([] if direction == "a_to_b" else ["directed"])
        assert np.abs(pixels("openvino/a.png") - pixels("tensorflow/a.png")).max() <= 1
        assert pixels("openvino/a.png").ndim == (3 if direction == "a_to_b" else 2)

    def test_is_none_for_other_choices_if_it_does_not_pay(self, models: Path, folder: Path, made: list[str]) -> None:
        other = {"choices": {"direction": "b_to_a"}}
        assert engine_of(planned(models / "directed", limit=1))["name"] == "openvino"
        assert engine_of(planned(models / "directed", limit=1, **other))["name"] == "tensorflow"
        assert made == []

    def test_is_none_for_a_task_that_may_lack_a_map(
        self, models: Path, folder: Path, made: list[str], uncounted: Callable[[], None]
    ) -> None:
        uncounted()
        Image.new("RGB", (8, 8), "red").save("style.png")
        plan = planned(models / "tinted", inputs={"style": {"pictures": "style.png"}})
        assert engine_of(plan)["name"] == "tensorflow"
        assert made == []
