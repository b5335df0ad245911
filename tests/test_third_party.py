"""A distribution of another author, installed as a wheel: no file of img2imgkit knows of it.

It brings an architecture with its own checkpoints, a data kind, a loss, an augmentation, a metric, a task and a step.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from pictures import save_pictures
from torch_files import save_torch

from img2imgkit.images import decode

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parent / "third_party" / "img2img_watercolour"
WIDTH, LAYERS, SCALE = 6, 2, 2
ALL = ("deckle", "edge-error", "edge-l1", "fade", "lift-stains", "stained", "wash")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the distribution, pictures, and the checkpoint of its architecture."""
    work = tmp_path_factory.mktemp("watercolour")
    shutil.copytree(SOURCE, work / "distribution", ignore=shutil.ignore_patterns("__pycache__"))
    save_pictures(work / "pictures", "a.png", "b.png", size=(40, 36))
    save_torch(work / "model.pth", state())
    return work


@pytest.fixture(scope="module")
def site(work: Path) -> Path:
    """The folder into which the distribution's wheel was installed."""
    pip, quiet = [sys.executable, "-m", "pip"], ["--no-deps", "-q", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", *quiet, "--no-build-isolation", "-w", str(work / "wheels"), str(work / "distribution")]
    subprocess.run(wheel, check=True)
    [made] = (work / "wheels").glob("img2img_watercolour-0.3.1-*.whl")
    subprocess.run([*pip, "install", *quiet, "--no-index", "--target", str(work / "site"), str(made)], check=True)
    return work / "site"


@pytest.fixture(scope="module")
def img2img(work: Path, site: Path) -> Run:
    """Call the command line in a process of its own, with the distribution or without it."""

    def call(*arguments: str | Path, installed: bool = True, fails: bool = False) -> str:
        done = process([sys.executable, "-m", "img2imgkit.cli", *arguments], work, site if installed else None)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        assert "warning: plugin" not in done.stderr
        return done.stderr if fails else done.stdout

    return call


@pytest.fixture(scope="module")
def imported(work: Path, img2img: Run) -> Path:
    """The checkpoint as a bundle."""
    found = json.loads(img2img("import", "model.pth", "--out", "imported", "--json"))
    assert (found["task"], found["assumptions"]) == ("super-resolution", [])
    return work / "imported"


@pytest.fixture(scope="module")
def trained(work: Path, img2img: Run) -> Path:
    """A bundle of the distribution's own task, trained for two steps on its own kind of data with its own loss."""
    text = """
        name: lift
        task: lift-stains
        options:
          generator: {kind: resnet, width: 4, blocks: 1}
          critic: {kind: patch, width: 4, layers: 1}
          distance: {kind: edge-l1, edges: 0.5}
          adversary: {augment: [{kind: fade, strength: 0.25}]}
        data: {kind: stained, folder: pictures, crop: 24, batch: 2, stain: 6}
        training: {steps: 2}
    """
    (work / "lift.yaml").write_text(textwrap.dedent(text))
    img2img("train", "lift.yaml", "--output", "lift", "--progress", "none")
    return work / "lift" / "bundle"


def process(command: list[str | Path], work: Path, site: Path | str | None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site or "")}
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def state() -> dict[str, np.ndarray]:
    """A checkpoint of the architecture, in PyTorch's shapes."""
    rng = np.random.default_rng(5)
    shapes = {"paper": (WIDTH, 3, 5, 5), "frame": (3 * SCALE**2, WIDTH, 3, 3)}
    for number in range(LAYERS):
        shapes |= {f"washes.{number}.wet": (WIDTH, WIDTH, 3, 3), f"washes.{number}.dry": (WIDTH, WIDTH, 1, 1)}
    found = {}
    for name, shape in shapes.items():
        found[f"{name}.weight"] = rng.normal(0, 0.1, shape).astype(np.float32)
        found[f"{name}.bias"] = rng.normal(0, 0.02, shape[0]).astype(np.float32)
    return found


def forward(weights: Mapping[str, np.ndarray], picture: np.ndarray) -> np.ndarray:
    """The network as PyTorch computes it, in numpy. Shapes: (H, W, 3) -> (2H, 2W, 3), values from 0 to 1."""

    def convolution(name: str, x: np.ndarray) -> np.ndarray:
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        side = kernel.shape[2]
        around = np.pad(x, ((0, 0), (side // 2, side // 2), (side // 2, side // 2)))
        windows = np.lib.stride_tricks.sliding_window_view(around, (side, side), axis=(1, 2))
        return np.einsum("ihwyx,oiyx->ohw", windows, kernel) + bias[:, None, None]

    image = picture.transpose(2, 0, 1).astype(np.float64)
    x = convolution("paper", image)
    for number in range(LAYERS):
        x = x + convolution(f"washes.{number}.dry", np.maximum(convolution(f"washes.{number}.wet", x), 0))
    x = convolution("frame", x)
    channels, height, width = 3, *image.shape[1:]
    x = x.reshape(channels, SCALE, SCALE, height, width).transpose(0, 3, 1, 4, 2)  # torch.nn.PixelShuffle
    x = x.reshape(channels, SCALE * height, SCALE * width) + image.repeat(SCALE, 1).repeat(SCALE, 2)
    return x.transpose(1, 2, 0)


def run_pipeline(img2img: Run, work: Path, out: str, *steps: str) -> dict[str, np.ndarray]:
    """The pixels of what a pipeline makes of the pictures, by name."""
    middle = "".join(f"  - {step}\n" for step in steps)
    lines = f"name: {out}\nsteps:\n  - {{uses: read, with: {{folder: pictures}}}}\n{middle}"
    (work / f"{out}.yaml").write_text(f"{lines}  - {{uses: write, with: {{folder: {out}}}}}\n")
    report = json.loads(img2img("run", f"{out}.yaml", "--json"))
    assert report["totals"]["done"] == 2
    return {path.stem: decode(path).color for path in (work / out).glob("*.png")}


def numbers(bundle: Path) -> dict[str, np.ndarray]:
    [path] = bundle.glob("weights*.npz")
    with np.load(path) as arrays:
        return dict(arrays)


def test_its_own_tests_pass_where_it_is_installed(work: Path, site: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "distribution/tests"]
    done = process(command, work, site)
    assert done.returncode == 0, done.stdout
    assert f"{len(ALL)} passed" in done.stdout


def test_commands_list_what_it_brings(img2img: Run) -> None:
    rows = [row for row in json.loads(img2img("plugins", "--json")) if row["distribution"] == "img2img-watercolour"]
    assert {row["version"] for row in rows} == {"0.3.1"}
    brought = [name for row in rows for names in row["brings"].values() for name in names]
    assert sorted(brought) == sorted(ALL)
    assert "official checkpoints: recognised" in img2img("architectures", "wash")
    assert "Trained on stained data" in img2img("tasks", "lift-stains")
    assert "pixels over which a picture fades to white" in img2img("steps", "deckle")
    schema = img2img("schema", "train")
    assert all(f'"{name}"' in schema for name in ("wash", "stained", "edge-l1", "fade", "lift-stains", "edge-error"))
    assert '"deckle"' in img2img("schema", "pipeline")


def test_a_checkpoint_of_its_architecture_computes_what_the_original_does(
    work: Path, img2img: Run, imported: Path
) -> None:
    made = run_pipeline(img2img, work, "enlarged", "{uses: translate, with: {bundle: imported}}")
    assert set(made) == {"a", "b"}
    for name, levels in made.items():
        wanted = 255 * np.clip(forward(state(), decode(work / "pictures" / f"{name}.png").color / 255), 0, 1)
        assert levels.shape == wanted.shape == (72, 80, 3)
        assert np.abs(levels - wanted).max() < 0.51


def test_a_bundle_notes_who_brought_each_component(imported: Path, trained: Path) -> None:
    def brought(bundle: Path) -> dict[str, str]:
        manifest = json.loads((bundle / "bundle.json").read_text())
        found = {each["name"]: each["plugin"] for each in manifest["components"]}
        return {name: f"{plugin['distribution']} {plugin['version']}" for name, plugin in found.items()}

    theirs = "img2img-watercolour 0.3.1"
    assert brought(imported) == {"wash": theirs}
    assert {name for name, by in brought(trained).items() if by == theirs} == {"edge-l1", "fade"}
    assert {name for name, by in brought(trained).items() if by != theirs} == {"lsgan", "patch", "resnet"}
    manifest = json.loads((trained / "bundle.json").read_text())
    assert manifest["plugin"]["distribution"] == "img2img-watercolour"
    assert manifest["plugin"]["version"] == "0.3.1"


def test_super_resolution_trains_on_from_its_checkpoint(work: Path, img2img: Run, imported: Path) -> None:
    rate = 1e-5
    text = f"""
        name: on
        task: super-resolution
        options: {{generator: {{kind: wash, width: {WIDTH}, layers: {LAYERS}}}, space: rgb, values: unit}}
        data: {{kind: degraded, folder: pictures, crop: 24, batch: 2}}
        training:
          steps: 1
          ema: null
          generators: {{optimizer: {{kind: adam, learning_rate: {rate}}}}}
        initial: {{generator: model.pth}}
    """
    (work / "on.yaml").write_text(textwrap.dedent(text))
    img2img("train", "on.yaml", "--output", "on", "--progress", "none")
    before, after = numbers(imported), numbers(work / "on" / "bundle")
    assert before.keys() == after.keys()
    moved = max(np.abs(after[name] - array).max() for name, array in before.items())
    assert 0 < moved < 2 * rate  # Adam's first step is no longer than its rate


def test_a_picture_goes_through_its_task_and_its_step(work: Path, img2img: Run, trained: Path) -> None:
    lift, deckle = "{uses: translate, with: {bundle: lift/bundle}}", "{uses: deckle, with: {width: 3}}"
    made = run_pipeline(img2img, work, "lifted", lift, deckle)
    for levels in made.values():
        assert levels.shape == (36, 40, 3)
        assert (levels[0] == 255).all()
        assert (levels[3:-3, 3:-3] < 255).any()


def test_its_metric_measures_its_task(work: Path, img2img: Run, trained: Path) -> None:
    for side in ("source", "target"):
        shutil.copytree(work / "pictures", work / "pairs" / side)
    found = json.loads(img2img("eval", "lift/bundle", "--pairs", "pairs", "--metric", "edge-error", "--json"))
    assert found["mean"].keys() == {"edge-error"}


def test_its_architecture_runs_as_onnx(work: Path, img2img: Run, imported: Path) -> None:
    img2img("export", "imported", "--format", "onnx", "--out", "wash.onnx")
    made = run_pipeline(img2img, work, "by_onnx", "{uses: translate, with: {bundle: wash.onnx}}")
    wanted = 255 * np.clip(forward(state(), decode(work / "pictures" / "a.png").color / 255), 0, 1)
    assert np.abs(made["a"] - wanted).max() < 0.51


def test_one_more_file_and_its_entry_point_are_one_more_architecture(work: Path, site: Path, img2img: Run) -> None:
    """Also where both recognise a file: the user is asked, and can say which."""
    text = """
        import img2imgkit as kit
        from img2img_watercolour.wash import Wash

        class Gouache(Wash):
            \"\"\"Opaque washes, https://example.org.\"\"\"
            name = "gouache"

        @kit.hookimpl
        def register_architectures(register):
            register(Gouache)
    """
    other = work / "other" / "img2img_gouache-1.0.dist-info"
    other.mkdir(parents=True)
    (work / "other" / "img2img_gouache.py").write_text(textwrap.dedent(text))
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: img2img-gouache\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[img2imgkit]\ngouache = img2img_gouache\n")

    def called(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "img2imgkit.cli", "import", "model.pth", "--out", "gouache", *arguments]
        return process(command, work, f"{site}{os.pathsep}{work / 'other'}")

    asked = called()
    assert asked.returncode == 2
    assert "wash (from img2img_watercolour.wash)" in asked.stderr
    assert "gouache (from img2img_gouache)" in asked.stderr
    assert asked.stderr.rstrip().endswith("--architecture NAME decides")
    done = called("--architecture", "gouache")
    assert (done.returncode, done.stderr) == (0, "")
    [component] = json.loads((work / "gouache" / "bundle.json").read_text())["components"]
    assert component["plugin"] == {"name": "gouache", "version": "1.0", "distribution": "img2img-gouache"}


def test_without_it_its_bundles_name_what_is_missing(img2img: Run, imported: Path, trained: Path) -> None:
    for bundle, missing in ((imported, "no architecture 'wash'"), (trained, "no task 'lift-stains'")):
        said = img2img("export", bundle, "--format", "onnx", "--out", "x.onnx", installed=False, fails=True)
        assert missing in said
        assert "img2img-watercolour 0.3.1" in said
        assert "Traceback" not in said
        assert len(said.strip().splitlines()) == 1
    run = trained.parent
    for arguments in (("--finish", run), ("lift.yaml", "--resume", "--output", run)):
        said = img2img("train", *arguments, installed=False, fails=True)
        assert "saved with img2img-watercolour 0.3.1" in said
