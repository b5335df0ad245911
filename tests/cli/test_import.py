"""``img2img import``: its report on files, and imported bundles in pipelines and fine-tuning."""

import json
import textwrap
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hostile_models import CANARY, HOSTILE
from PIL import Image

from img2imgkit import bundle
from img2imgkit.architectures import Assumption

FIXTURES = Path(__file__).parents[1] / "fixtures"
RESNET = FIXTURES / "junyanz_resnet6_instance" / "weights.pth"
UNET = FIXTURES / "junyanz_unet128_batch" / "weights.pth"
STARGAN = FIXTURES / "stargan_G" / "weights.pth"


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "pix2pix,cyclegan,stargan")


@pytest.fixture(autouse=True)
def forms(monkeypatch):
    """The bundles that would get an engine form; writing one takes seconds and is tested by itself."""
    written = []
    monkeypatch.setattr(
        import_module("img2imgkit.cli.import"), "add_engine_form", lambda own: written.append(own) or ""
    )
    return written


@pytest.mark.slow
def test_an_imported_bundle_has_its_engine_form(img2img, tmp_path, monkeypatch):
    monkeypatch.undo()
    outcome = img2img("import", RESNET, "--out", tmp_path / "r", "--task", "pix2pix")
    assert outcome.code == 0
    assert "engine form, 0.3 MB" in outcome.out
    assert bundle.engine_form(tmp_path / "r", bundle.describe(tmp_path / "r"), {}) is not None


def test_a_bundle_without_an_engine_form_is_imported_and_says_why(img2img, tmp_path, monkeypatch):
    monkeypatch.setattr(
        import_module("img2imgkit.cli.import"), "add_engine_form", lambda _: "no engine form: an operator"
    )
    outcome = img2img("import", RESNET, "--out", tmp_path / "r", "--task", "pix2pix")
    assert outcome.code == 0
    assert "no engine form: an operator" in outcome.out.splitlines()


def test_it_prints_findings_assumptions_and_next_steps(img2img, tmp_path):
    out = tmp_path / "facades"
    outcome = img2img("import", UNET, "--out", out, "--licence", "BSD-2-Clause")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "weights.pth: unet(depth=7, width=4, channels=3, out_channels=3, norm='batch')"
    assert lines[1].startswith("task: pix2pix")
    assert any(line.startswith("assumed: ") and "--set statistics=running" in line for line in lines)
    assert f"bundle: {out}, 164,883 numbers, 0.7 MB" in lines
    assert f"  fine-tune, in a training file:  initial: {out}" in lines
    assert bundle.describe(out).licence == "BSD-2-Clause"


def test_assumptions_are_printed_with_the_option_that_overrides_them(img2img, tmp_path):
    outcome = img2img("import", RESNET, "--out", tmp_path / "r", "--task", "pix2pix")
    assert outcome.code == 0
    assert "residual blocks pad by reflection; files with replication padding look the same" in outcome.out
    assert "otherwise --set generator.padding=replicate" in outcome.out


def test_the_architecture_can_be_stated(img2img, tmp_path):
    assert img2img("import", RESNET, "--out", tmp_path / "r", "--architecture", "resnet").code == 0
    outcome = img2img("import", RESNET, "--out", tmp_path / "u", "--architecture", "unet")
    assert (outcome.code, outcome.out) == (2, "")
    assert "not a unet network" in outcome.err


def test_an_ambiguous_file_names_the_option_that_decides(img2img, tmp_path, install, monkeypatch):
    install(
        "archive",
        textwrap.dedent("""
            import img2imgkit as kit

            class Archive(kit.Importer):
                name, suffixes = "archive", (".pth",)

                def recognises(self, head):
                    return b"data.pkl" in head

                def read(self, path, key=None):
                    return kit.StateDict({}, source=path.name)

            @kit.hookimpl
            def register_importers(register):
                register(Archive)
        """),
        name="archive",
    )
    monkeypatch.setenv("IMG2IMG_PLUGINS", "archive,pix2pix")
    outcome = img2img("import", UNET, "--out", tmp_path / "r")
    assert outcome.code == 2
    assert "archive" in outcome.err
    assert "torch" in outcome.err
    assert outcome.err.rstrip().endswith("--importer NAME decides")
    assert img2img("import", UNET, "--out", tmp_path / "r", "--importer", "torch").code == 0


def test_the_weights_that_were_taken_are_told_and_recorded(img2img, tmp_path, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution")
    outcome = img2img("import", FIXTURES / "sr_srvgg_x4" / "weights.pth", "--out", tmp_path / "b")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1].startswith("weights: 'params")
    [record] = bundle.describe(tmp_path / "b").training["imported"]
    assert record["key"].startswith("params")


def test_of_several_networks_the_error_names_keys_and_the_option(img2img, tmp_path):
    from torch_files import save_torch

    from img2imgkit.importing import read_torch

    state = read_torch(RESNET)
    both = {f"{word}.{name}": array for word in ("netA", "netB") for name, array in state.items()}
    outcome = img2img("import", save_torch(tmp_path / "both.pth", both), "--out", tmp_path / "r")
    assert outcome.code == 2
    assert "state the key 'netA'" in outcome.err
    assert outcome.err.rstrip().endswith("--key NAME decides")
    outcome = img2img("import", tmp_path / "both.pth", "--out", tmp_path / "r", "--key", "netB")
    assert outcome.code == 0
    assert "weights: 'netB' of both.pth" in outcome.out.splitlines()


@pytest.mark.parametrize(
    ("file", "option"), [(RESNET, "generator.padding=zero"), (UNET, "statistics=running")], ids=["its own", "a note's"]
)
def test_stated_options_are_not_printed_as_assumptions(img2img, tmp_path, file, option):
    outcome = img2img("import", file, "--out", tmp_path / "b", "--task", "pix2pix", "--set", option)
    assert outcome.code == 0
    key, _, value = option.partition("=")
    assert not any(key.rpartition(".")[2] in line for line in outcome.out.splitlines() if line.startswith("assumed"))
    options = bundle.describe(tmp_path / "b").options
    assert value in (options["generator"]["padding"] if "padding" in key else options["statistics"])


def test_next_steps_can_be_copied_for_any_folder_name(img2img, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = img2img("import", RESNET, "--out", "old, new/my: first", "--task", "pix2pix")
    assert outcome.code == 0
    assert '- {uses: translate, with: {bundle: "old, new/my: first"}}' in outcome.out
    assert "img2img export 'old, new/my: first' --format onnx --out my-first.onnx" in outcome.out


def test_the_current_folder_can_become_the_bundle(img2img, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    outcome = img2img("import", RESNET, "--out", ".", "--task", "pix2pix")
    assert outcome.code == 0
    assert bundle.describe(tmp_path / "here").name == "here"
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_json(img2img, tmp_path):
    outcome = img2img("import", RESNET, RESNET, "--out", tmp_path / "h", "--name", "horses", "--json")
    found = json.loads(outcome.out)
    assert (found["task"], found["name"], found["other_tasks"]) == ("cyclegan", "horses", [])
    assert [each["architecture"] for each in found["files"]] == ["resnet", "resnet"]
    assert found["bytes"] == sum(path.stat().st_size for path in (tmp_path / "h").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--set", "norm"], "--set norm: expected KEY=VALUE"),
        (["--set", "norm=[a"], "--set norm=[a: "),
        (["--set", "nrom=none"], "nrom: unknown option; did you mean 'norm'?"),
        (["--task", "pix2pxi"], "no task 'pix2pxi' is installed; did you mean 'pix2pix'?"),
        (["--task", "stargan"], "task 'stargan' cannot use weights.pth (unet)"),
        (["--key", "gen"], "no state dict named 'gen'"),
        (["--name", "a b"], "name 'a b': a bundle's name consists of letters"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_arguments_are_reported_and_nothing_is_written(img2img, tmp_path, arguments, reason):
    outcome = img2img("import", UNET, "--out", tmp_path / "r", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert reason in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["a pickle that calls os.system", "code in Keras 2's format", "nothing"])
def test_rejected_files(img2img, tmp_path, what):
    (tmp_path / "in").mkdir()
    name, make, _ = HOSTILE[what]
    outcome = img2img("import", make(tmp_path / "in" / name), "--out", tmp_path / "out")
    assert outcome.code == 2
    assert name in outcome.err
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob(CANARY))


def pictures(folder, count=2, size=128):
    folder.mkdir(parents=True)
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (size, size + 3, 3)).astype(np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")


EDSR = FIXTURES / "sr_edsr_x2" / "weights.pth"
WHOLE = {
    "pix2pix": ([UNET], "{kind: paired, source: a, target: b, resize: 128, crop: 128, batch: 1}", 1),
    "cyclegan": ([RESNET, RESNET], "{kind: unpaired, a: a, b: b, resize: 40, crop: 32, batch: 1}", 1),
    "super-resolution": ([EDSR], "{kind: degraded, folder: a, crop: 32, batch: 1}", 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", WHOLE)
def test_an_imported_bundle_runs_in_a_pipeline_and_can_be_fine_tuned(img2img, tmp_path, monkeypatch, task):
    files, data, scale = WHOLE[task]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMG2IMG_PLUGINS", task)
    for folder in ("a", "b"):
        pictures(tmp_path / folder)
    assert img2img("import", *files, "--out", "model").code == 0
    manifest = bundle.describe(tmp_path / "model")
    assert manifest.task == task

    steps = "{uses: read, with: {folder: a}}, {uses: translate, with: {bundle: model}}"
    steps += ", {uses: write, with: {folder: out}}"
    (tmp_path / "run.yaml").write_text(f"name: run\nsteps: [{steps}]\n")
    outcome = img2img("run", "run.yaml")
    assert outcome.code == 0, outcome.err
    for name in ("0.png", "1.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.size == (131 * scale, 128 * scale)

    (tmp_path / "train.yaml").write_text(
        f"name: more\ntask: {task}\noptions: {json.dumps(manifest.options)}\ndata: {data}\n"
        "initial: model\ntraining: {steps: 1, seed: 1}\n"
    )
    outcome = img2img("train", "train.yaml", "--output", "run", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    with np.load(next(Path("model").glob("*.npz"))) as old, np.load(next(Path("run/bundle").glob("*.npz"))) as new:
        assert old.files == new.files
        moved = max(np.abs(old[name] - new[name]).max() for name in old.files if name.endswith("kernel"))
    assert 0 < moved < 0.01  # one step of Adam from the imported weights


@pytest.mark.parametrize(
    ("assumption", "wanted"),
    [
        (Assumption("norm", "batch", ("none", "instance")), "; otherwise --set norm=none or --set norm=instance"),
        (Assumption("skip", True, (False,)), "; otherwise --set skip=false"),
        (Assumption("style.size", (32, 32), ([64, 64],)), "; otherwise --set 'style.size=[64, 64]'"),
        (Assumption("labels", []), "; otherwise --set labels=..."),
        (Assumption("", None), ""),
    ],
    ids=lambda value: value.option if isinstance(value, Assumption) else "",
)
def test_an_assumption_shows_how_to_override_it(assumption, wanted):
    assert import_module("img2imgkit.cli.import")._way_out(assumption) == wanted
