"""The engine of a ``translate`` step: selected in the plan, recorded, kept by runs that resume, never mixed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pipelines_for_tests import Silent, pipeline_file
from tiny_tasks import Plain, Tinted, loaded, tiny_catalog

from img2imgkit import bundle, steps
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.inference import BUILT_IN, find_model
from img2imgkit.pipeline import Plan, Result, ThreadExecutor, make_plan, orphans, read_pipeline, run
from img2imgkit.step import Resources

CATALOG = tiny_catalog(Plugin("steps", lambda: steps, version="1"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles: "form" has an ONNX form, "plain" has none, "tinted" has one and an optional map."""
    from img2imgkit.exporting import add_engine_form

    folder = tmp_path_factory.mktemp("models")
    for name, task in (("form", Plain), ("plain", Plain), ("tinted", Tinted)):
        made = loaded(task)
        bundle.save(folder / name, made.task, made.nets, name, CATALOG)
        if name != "plain":
            assert add_engine_form(bundle.load(folder / name, CATALOG)) == ""
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.effect_noise((12, 9), 90).convert("RGB").save(f"in/{name}.png")
    return tmp_path


def planned(folder: Path, model: Path, engine: str | None = None, device: str = "cpu", **options: Any) -> Plan:
    path = pipeline_file(folder, {"translate": {"bundle": str(model), **options}})
    return make_plan(read_pipeline(path, CATALOG), CATALOG, resources=Resources(device, engine))


def ran(plan: Plan, device: str = "cpu") -> Result:
    result = run(plan, ThreadExecutor(plan.pipeline, Resources(device)), Silent())
    assert result.count("failed") == 0
    return result


def engine_of(plan: Plan) -> Any:
    return plan.recipes.common.steps[1]["on"]["engine"]


def version_of(name: str) -> str:
    return BUILT_IN[name]().version() or ""


def test_the_plan_selects_the_engine_and_records_it(models: Path, folder: Path) -> None:
    about = {"device": "cpu", "precision": "float32"}
    plan = planned(folder, models / "plain")
    assert engine_of(plan) == {"name": "tensorflow", "version": version_of("tensorflow"), **about}
    found = engine_of(planned(folder, models / "form"))
    assert found.pop("form") == bundle.FORM_VERSION
    assert found == {"name": "openvino", "version": version_of("openvino"), **about}
    assert engine_of(planned(folder, models / "form", engine="onnxruntime"))["name"] == "onnxruntime"
    stated = planned(folder, models / "form", engine="tensorflow", **{"precision": "float16"})
    assert engine_of(stated)["precision"] == "float16"
    assert "engine" not in plan.recipes.common.steps[1]["with"]


@pytest.mark.parametrize("engine", sorted(BUILT_IN))
def test_a_run_uses_the_engine_that_was_planned(models: Path, folder: Path, engine: str) -> None:
    result = ran(planned(folder, models / "form", engine=engine))
    names = {"tensorflow": "/device:CPU:0", "onnxruntime": "CPUExecutionProvider", "openvino": "CPU"}
    assert result.devices == (names[engine],)
    assert not planned(folder, models / "form").jobs.to_make_count


def test_an_unknown_engine_is_an_error_at_its_place(models: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"steps\.1\.with\.engine: no engine 'openvion'; did you mean 'openvino'"):
        planned(folder, models / "plain", **{"engine": "openvion"})  # type: ignore[arg-type]


def test_outputs_of_another_engine_are_continued_with_it(models: Path, folder: Path) -> None:
    ran(planned(folder, models / "form", engine="tensorflow"))
    Image.new("RGB", (12, 9)).save("in/c.png")
    plan = planned(folder, models / "form")
    assert engine_of(plan)["name"] == "tensorflow"
    assert dict(plan.reasons()) == {"up to date": 2, "new": 1}


def test_another_engine_on_request_makes_outputs_anew(models: Path, folder: Path) -> None:
    ran(planned(folder, models / "form"))
    plan = planned(folder, models / "form", engine="onnxruntime")
    (reason,) = plan.reasons()
    assert "steps.1.on.engine.name: openvino -> onnxruntime" in reason
    ran(plan)
    assert engine_of(planned(folder, models / "form"))["name"] == "onnxruntime"
    assert engine_of(planned(folder, models / "plain", engine="tensorflow"))["name"] == "tensorflow"


def test_a_missing_engine_of_earlier_outputs_is_refused(
    models: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(planned(folder, models / "form"))
    for version, said in ((None, "'openvino'|not installed"), ("9.9", "9.9 is installed: install openvino")):
        monkeypatch.setattr(BUILT_IN["openvino"], "version", lambda self, version=version: version)
        with pytest.raises(ConfigError, match=said):
            planned(folder, models / "form")
    assert planned(folder, models / "form", engine="openvino").jobs.to_make_count == 2
    pipeline = read_pipeline(folder / "pipeline.yaml", CATALOG)
    Path("in/a.png").unlink()
    assert [orphan.path.name for orphan in orphans(pipeline, CATALOG)] == ["a.png"]  # needs no engine
    path = pipeline_file(folder, {"translate": {"bundle": str(models / "form")}}, write={"if_exists": "overwrite"})
    assert make_plan(read_pipeline(path, CATALOG), CATALOG).jobs.to_make_count == 1


def test_another_bundle_is_not_bound_by_the_outputs_that_exist(
    models: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = loaded(Plain, seed=5)
    bundle.save(tmp_path / "other", made.task, made.nets, "other", CATALOG)
    ran(planned(folder, models / "form"))
    monkeypatch.setattr(BUILT_IN["openvino"], "version", lambda self: None)
    assert engine_of(planned(folder, tmp_path / "other"))["name"] == "tensorflow"


def test_a_bundle_that_may_lack_a_map_runs_in_its_own_form(models: Path, folder: Path) -> None:
    (folder / "code.json").write_text(
        json.dumps(
            {
                "format": 1,
                "condition": "style",
                "bundle": "tinted",
                "digest": bundle.describe(models / "tinted").digest,
                "pictures": [],
                "code": [0.0, 0.0, 0.0],
            }
        )
    )
    plan = planned(folder, models / "tinted", inputs={"style": {"code": str(folder / "code.json")}})
    assert engine_of(plan)["name"] == "tensorflow"
    ran(plan)


def test_the_device_is_that_of_the_plan(models: Path, folder: Path) -> None:
    plan = planned(folder, models / "form")
    plan.pipeline.uses[1].step.open(Resources("auto"))
    with pytest.raises(ConfigError, match="planned for the cpu, but opened on device 'gpu'"):
        plan.pipeline.uses[1].step.open(Resources("gpu"))


def test_an_onnx_form_of_another_bundle_is_refused(models: Path, folder: Path, tmp_path: Path) -> None:
    made = loaded(Plain, seed=5)
    bundle.save(tmp_path / "other", made.task, made.nets, "other", CATALOG)
    shutil.copytree(models / "form" / "engine", tmp_path / "other" / "engine")
    record = bundle.describe(models / "form").form
    assert record is not None
    bundle.add_form(tmp_path / "other", record)
    plan = planned(folder, tmp_path / "other")
    with pytest.raises(Exception, match="the engine form of another bundle"):
        plan.pipeline.uses[1].step.open(Resources("cpu"))


@pytest.mark.parametrize("file", ["translate.onnx", "encode_style.onnx"])
def test_every_file_of_an_onnx_form_is_compared_with_its_digest(models: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(models / "tinted", tmp_path / "tinted")
    model = find_model("./tinted", tmp_path, CATALOG)
    form = bundle.engine_form(tmp_path / "tinted", model.manifest)
    model.load(form)
    path = tmp_path / "tinted" / "engine" / file
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(BundleError, match=f"{file}: damaged"):
        model.load(form)


def test_a_run_on_an_onnx_form_loads_no_tensorflow(models: Path, folder: Path) -> None:
    path = pipeline_file(folder, {"translate": {"bundle": str(models / "form")}})
    code = f"""
import sys
from pathlib import Path
from img2imgkit import data, pipeline, steps
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.step import Resources
class Silent:
    started = finished = lambda self, *given: None
catalog = Catalog((Plugin("steps", lambda: steps, version="1"), Plugin("data-kinds", lambda: data)))
plan = pipeline.make_plan(pipeline.read_pipeline(Path({str(path)!r}), catalog), catalog)
print({{"tensorflow", "keras", "onnxruntime", "openvino"}} & sys.modules.keys())
result = pipeline.run(plan, pipeline.ThreadExecutor(plan.pipeline, Resources("auto")), Silent())
print(result.count("done"), {{"tensorflow", "keras", "onnxruntime", "openvino"}} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.splitlines() == ["set()", "2 {'openvino'}"]


def test_an_engine_of_a_plugin(models: Path, folder: Path) -> None:
    from img2imgkit import hookimpl

    class Mine(BUILT_IN["onnxruntime"]):  # type: ignore[misc]
        """Somebody's engine."""

        name = "mine"

    class Engines:
        @staticmethod
        @hookimpl
        def register_engines(register: Any) -> None:
            register(Mine)

    catalog = Catalog((*CATALOG.plugins, Plugin("engines", lambda: Engines)))
    assert {*catalog.engines} == {"mine"}
    path = pipeline_file(folder, {"translate": {"bundle": str(models / "form"), "engine": "mine"}})
    plan = make_plan(read_pipeline(path, catalog), catalog, resources=Resources("cpu"))
    assert engine_of(plan)["name"] == "mine"
    assert ran(plan).count("done") == 2
