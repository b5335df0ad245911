"""What `img2img run` imports: the reason why it starts quickly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pipelines_for_tests import pipeline_file

from img2imgkit.catalog import Catalog
from img2imgkit.places import HOME_VARIABLE

LARGE = ("tensorflow", "keras", "onnx", "onnxruntime", "openvino", "torch", "scipy", "h5py", "rich", "pandas")
ONNX = ("onnx", "onnxruntime")
TRAINING = ("img2imgkit.training", "img2imgkit.schema")
PROGRAM = """
import sys
from img2imgkit.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *sorted(sys.modules))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "in" / "a.png")
    return tmp_path


def loaded_by(folder: Path, step: str, *arguments: str) -> set[str]:
    """The modules that a run of one step has loaded."""
    steps = f"[{{uses: read, with: {{folder: in}}}}, {step}, {{uses: write, with: {{folder: out}}}}]"
    (folder / "p.yaml").write_text(f"name: start\nsteps: {steps}\n", encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM, "run", "p.yaml", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.slow
def test_a_dry_run_and_a_run_without_a_model_import_nothing_large(folder: Path) -> None:
    for arguments in (["--dry-run"], []):
        loaded = loaded_by(folder, "{uses: resize, with: {scale: 2}}", *arguments)
        assert "img2imgkit.steps.resize" in loaded
        assert not loaded & {*LARGE, *TRAINING}
    assert (folder / "out" / "a.png").is_file()


@pytest.mark.slow
def test_a_run_of_an_onnx_file_imports_no_tensorflow(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    ends = [onnx.helper.make_tensor_value_info(name, 1, ["n", "h", "w", 3]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "same", ends[:1], ends[1:])
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "same.onnx")
    step = "{uses: translate, with: {bundle: ./same.onnx, describe: {scale: 1, radius: 0}}}"
    loaded = loaded_by(folder, step)
    assert loaded.issuperset(ONNX)
    assert not loaded & {*LARGE, *TRAINING} - {*ONNX}
    assert (folder / "out" / "a.png").is_file()


FORM_PAYS = """
from img2imgkit.exporting import form_cache
form_cache.SECONDS = form_cache.SECONDS_PER_PARAMETER = 1e-9
"""


@pytest.mark.slow
def test_runs_share_an_engine_form_and_later_ones_import_no_tensorflow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(folder / "home"))
    shipped = Catalog.installed().bundles["sr-compact-x2"]
    shutil.copytree(shipped, folder / "sr", ignore=shutil.ignore_patterns("engine"))
    stated = json.loads((folder / "sr" / "bundle.json").read_text(encoding="utf-8"))
    del stated["form"]
    (folder / "sr" / "bundle.json").write_text(json.dumps(stated), encoding="utf-8")
    pipeline_file(folder, {"translate": {"bundle": "./sr"}})
    command = [sys.executable, "-c", FORM_PAYS + PROGRAM, "run", "pipeline.yaml", "-o"]
    pipes: Any = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen([*command, out], **pipes) for out in ("one", "two")]
    ended = [(run.communicate(timeout=240)[1], run.returncode) for run in runs]
    for told, code in ended:
        assert code == 0, told
        assert "sr-compact-x2: making its engine form for openvino" in told
    (form,) = (folder / "home" / "cache" / "engine-forms").glob("*/translate.onnx")
    written = form.stat().st_mtime_ns
    done = subprocess.run([*command, "three"], cwd=folder, capture_output=True, text=True, check=True)
    assert "making" not in done.stderr
    assert {*done.stdout.split()} & {*LARGE, "img2imgkit.training"} == {"onnx", "openvino"}
    assert form.stat().st_mtime_ns == written
    assert len({(folder / out / "a.png").read_bytes() for out in ("one", "two", "three")}) == 1


def test_option_models_are_built_when_they_are_first_used() -> None:
    from img2imgkit.config import Config

    class Fresh(Config):
        size: int = 1

    assert not Fresh.__pydantic_complete__
    assert Fresh(size=2).size == 2
    assert Fresh.__pydantic_complete__
