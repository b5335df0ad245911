"""``precision: fast`` in a plan: decided, recorded, told, and kept by runs that resume."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pipelines_for_tests import Silent, pipeline_file
from tiny_tasks import Plain, loaded, tiny_catalog

from img2imgkit import bundle, hookimpl, steps
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.inference import BUILT_IN, Decision
from img2imgkit.inference import fast as fast_module
from img2imgkit.inference.engines import devices
from img2imgkit.pipeline import Plan, Result, ThreadExecutor, engine_lines, make_plan, make_report, read_pipeline, run
from img2imgkit.step import Resources

CATALOG = tiny_catalog(Plugin("steps", lambda: steps, version="1"))


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with an ONNX form."""
    from img2imgkit.exporting import write_engine_form

    folder = tmp_path_factory.mktemp("models") / "form"
    made = loaded(Plain)
    bundle.save(folder, made.task, made.nets, "form", CATALOG)
    bundle.add_form(folder, write_engine_form(bundle.load(folder, CATALOG), folder / bundle.ENGINE_FOLDER))
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path / "home"))
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.effect_noise((12, 9), 90).convert("RGB").save(f"in/{name}.png")
    return tmp_path


def engine_of(plan: Plan) -> Any:
    return plan.recipes.common.steps[1]["on"]["engine"]


def ran(plan: Plan) -> tuple[Result, Silent]:
    watcher = Silent()
    result = run(plan, ThreadExecutor(plan.pipeline, Resources("cpu")), watcher)
    assert result.count("failed") == 0
    return result, watcher


class Precise(BUILT_IN["onnxruntime"]):  # type: ignore[misc]
    """An engine whose bfloat16 is native, and float32 in fact."""

    name = "precise"

    def devices(self) -> Any:
        return [replace(each, precisions=("float32", "bfloat16")) for each in super().devices()]


class Precises:
    @staticmethod
    @hookimpl
    def register_engines(register: Any) -> None:
        register(Precise)


def fast(folder: Path, model: Path, dry: bool = False) -> Plan:
    catalog = Catalog((*CATALOG.plugins, Plugin("engines", lambda: Precises)))
    path = pipeline_file(folder, {"translate": {"bundle": str(model), "engine": "precise", "precision": "fast"}})
    return make_plan(read_pipeline(path, catalog), catalog, resources=Resources("cpu"), dry=dry)


def test_fast_is_decided_in_the_plan_recorded_and_told(
    form: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = engine_lines(fast(folder, form, dry=True))
    assert "bfloat16 (fast: not decided yet" in line
    plan = fast(folder, form)
    assert engine_of(plan)["precision"] == "bfloat16"
    assert engine_of(plan)["fast"] == {"candidate": "bfloat16", "difference": {"levels": 0, "psnr": 100.0}}
    (line,) = engine_lines(plan)
    assert line.endswith("bfloat16 (fast: bfloat16 differs from float32 by up to 0 levels (PSNR 100.0 dB))")
    result, watcher = ran(plan)
    assert make_report(plan, result, 0.0)["engines"] == [line]
    assert all(outcome.notes["translate"][0]["precision"] == "bfloat16" for outcome in watcher.outcomes)
    assert [*engine_lines(fast(folder, form, dry=True))] == [line]


def test_a_run_that_resumes_keeps_the_decision(
    form: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = fast(folder, form)
    ran(before)
    shutil.rmtree(folder / "home")
    monkeypatch.setattr(fast_module, "measured", lambda *given: pytest.fail("it must not be measured again"))
    plan = fast(folder, form)
    assert engine_of(plan) == engine_of(before)
    assert not plan.jobs.to_make_count


def test_beyond_the_bound_the_run_is_in_float32(form: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = fast_module.Difference(levels=12, psnr=44.0)
    monkeypatch.setattr(fast_module, "measured", lambda *given: far)
    plan = fast(folder, form)
    assert engine_of(plan)["precision"] == "float32"
    (line,) = engine_lines(plan)
    assert "float32 (fast: bfloat16 differs from float32 by up to 12 levels (PSNR 44.0 dB), beyond 8 levels" in line
    assert "precision" not in ran(plan)[1].outcomes[0].notes["translate"][0]
    assert not fast(folder, form).jobs.to_make_count


@pytest.mark.slow
def test_fast_on_a_bundle_that_ships(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not devices.has_bfloat16():
        pytest.skip("this processor does not compute in bfloat16 natively")
    catalog = Catalog.installed()
    made = {}
    for precision in ("float32", "fast"):
        with_options = {"bundle": "sr-compact-x2", "precision": precision}
        path = pipeline_file(folder, {"translate": with_options}, write={"folder": precision})
        plan = make_plan(read_pipeline(path, catalog), catalog, resources=Resources("cpu"))
        ran(plan)
        made[precision] = np.asarray(Image.open(f"{precision}/a.png")).astype(int)
    assert (engine_of(plan)["name"], engine_of(plan)["precision"]) == ("openvino", "bfloat16")
    known = Decision.model_validate(engine_of(plan)["fast"]).difference
    assert known is not None
    assert known.psnr > 50
    assert 1 <= known.levels <= 4
    assert 0 < abs(made["fast"] - made["float32"]).max() <= 8
