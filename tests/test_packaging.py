"""The wheel is complete and works outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, which stays clean."""
    place = tmp_path_factory.mktemp("build")
    anywhere = shutil.ignore_patterns(".*", "*.egg-info", "build", "out", "runs", "__pycache__")

    def left_out(folder: str, names: list[str]) -> set[str]:
        return anywhere(folder, names) | ({"tests"} if Path(folder) == ROOT else set())

    shutil.copytree(ROOT, place / "source", ignore=left_out)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(place)]
    subprocess.run([*command, str(place / "source")], check=True)
    (made,) = place.glob("*.whl")
    return made


@pytest.mark.slow
def test_the_wheel_has_every_module_and_all_data(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in (("img2imgkit", "img2imgkit"), ("img2imgkit_plugins", "plugins")):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        wanted = {f"{package}/{path.relative_to(ROOT / folder).as_posix()}" for path in files}
        assert not wanted - inside
    assert not [name for name in inside if name.startswith(("tests/", "docs/", "pipelines/"))]


@pytest.mark.slow
def test_the_wheel_runs_a_model_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines", ignore=shutil.ignore_patterns("out"))
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.stdout

    assert python("-c", "import img2imgkit; print(img2imgkit.__file__)").startswith(str(site))
    img2img = ("-m", "img2imgkit.cli")
    assert "sr-compact-x2" in python(*img2img, "models")
    report = json.loads(python(*img2img, "run", "pipelines/quickstart.yaml", "--limit", "1", "--json"))
    assert report["totals"]["done"] == 1
    assert (tmp_path / "pipelines" / "out" / "dogs_2x.jpg").is_file()
