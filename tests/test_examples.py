"""The distributions of examples/: each is built as a wheel, installed, passes its own tests, and works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from architecture import ROOT
from pictures import save_pictures
from torch_files import save_torch

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))
Command = Callable[..., str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and in ``site`` all examples as pip installs them."""
    work = tmp_path_factory.mktemp("examples")
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    copies = [shutil.copytree(EXAMPLES / name, work / name, ignore=ignored) for name in NAMES]
    quiet = ["--no-deps", "--no-build-isolation", "-q", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *quiet, "--no-index", "--target", str(work / "site")]
    subprocess.run([*command, *map(str, copies)], check=True)
    save_pictures(work / "pictures", "a.png", "b.png", size=(40, 36))
    return work


@pytest.fixture(scope="module")
def img2img(work: Path) -> Command:
    """Call the command line with the examples installed."""
    return lambda *arguments: called(work, "img2imgkit.cli", *arguments)


def called(work: Path, module: str, *arguments: str | Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(work / "site"), "IMG2IMG_HOME": str(work / "home")}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_is_one_for_each_kind_that_the_page_lists() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert NAMES == ["colourise", "espcn", "gmsd", "graphdef", "npy"]
    assert all(f"[{name}]({name}/README.md)" in page for name in NAMES)


def test_their_own_tests_pass_where_they_are_installed(work: Path) -> None:
    tests = [work / name / "tests" for name in NAMES]
    assert " passed" in called(work, "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *tests)


def test_plugins_lists_what_they_bring(img2img: Command) -> None:
    rows = json.loads(img2img("plugins", "--json"))
    brought = {row["distribution"]: row["brings"] for row in rows if row["name"] in NAMES}
    assert brought == {
        "img2img-colourise": {"tasks": ["colourise"]},
        "img2img-espcn": {"architectures": ["espcn"]},
        "img2img-gmsd": {"metrics": ["gmsd"]},
        "img2img-graphdef": {"exporters": ["graphdef"]},
        "img2img-npy": {"steps": ["read-npy", "write-npy"]},
    }


def test_they_work_together(work: Path) -> None:
    """An official checkpoint of ESPCN enlarges arrays, is scored by the metric, and becomes a frozen graph."""
    save_torch(work / "espcn.pth", espcn_state())
    (work / "arrays").mkdir()
    np.save(work / "arrays" / "a.npy", np.full((6, 5), 128, np.uint8))
    (work / "together.py").write_text(TOGETHER)
    found = json.loads(called(work, "together"))
    assert np.load(work / "enlarged" / "a.npy").shape == (12, 10, 1)
    assert 0 < found["gmsd"] < 1
    assert found["difference"] < 1e-4
    assert (work / "espcn.pb").stat().st_size > 1000


TOGETHER = """
import json

import img2imgkit as kit

model = kit.import_model("espcn.pth", "espcn-x2")
scores = kit.evaluate(model, data="pictures", metrics=["gmsd"], protocol="pairs-8bit")
steps = [
    {"uses": "read-npy", "with": {"folder": "arrays"}},
    {"uses": "translate", "with": {"bundle": "espcn-x2"}},
    {"uses": "write-npy", "with": {"folder": "enlarged"}},
]
assert kit.run({"name": "enlarge", "steps": steps})["totals"]["done"] == 1
written = kit.export("espcn-x2", "graphdef", "espcn.pb")
print(json.dumps({"gmsd": scores.mean["gmsd"], "difference": max(written.differences.values())}))
"""


def espcn_state() -> dict[str, np.ndarray]:
    """Weights of ESPCN in PyTorch's shapes, for twice the size."""
    random = np.random.default_rng(5)
    shapes = {"conv1": (8, 1, 5, 5), "conv2": (8, 8, 3, 3), "conv3": (4, 8, 3, 3), "conv4": (4, 4, 3, 3)}
    weights = {f"{name}.weight": random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    return {**weights, **{f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in shapes.items()}}
