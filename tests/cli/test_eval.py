import json
import shutil

import numpy as np
import pytest
import toy_metrics
from PIL import Image
from tiny_tasks import Directed, loaded, tiny_catalog

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate


@pytest.fixture(scope="module")
def sharp(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "Tiny"
    folder.mkdir()
    for name in ("a", "b"):
        noise = np.random.default_rng(ord(name)).integers(0, 256, (10, 12, 3)).astype(np.uint8)
        Image.fromarray(noise).resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A bundle of an untrained network of scale 2."""
    catalog = Catalog.installed({"IMG2IMG_PLUGINS": "super-resolution"})
    task_class = catalog.get("tasks", "super-resolution")
    options = "{scale: 2, generator: {kind: residual, width: 4, blocks: 0}}"
    task = task_class(resolve(validate(task_class.Options, parse_yaml(options)), catalog))
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    bundle.save(folder, task, task.build(), "tiny", catalog)
    return folder


def test_a_baseline_prints_a_row_per_picture_and_the_mean(img2img, sharp, uninstall_everything):
    outcome = img2img("eval", "--baseline", "bicubic", "--data", sharp, "--scale", 2)
    lines = outcome.out.splitlines()
    assert outcome.code == 0
    assert lines[0].split() == ["TINY", "X2", "PSNR_Y", "SSIM_Y"]
    assert [line.split()[0] for line in lines[1:4]] == ["a", "b", "mean"]
    assert "sr-matlab" in lines[4]
    assert "Tiny x2" in outcome.err


def test_json_names_the_protocol(img2img, sharp, uninstall_everything):
    outcome = img2img("eval", "--baseline", "bicubic", "--data", sharp, "--scale", 2, "--protocol", "sr-rgb", "--json")
    found = json.loads(outcome.out)
    assert (found["baseline"], found["set"], found["scale"], found["protocol"]) == ("bicubic", "Tiny", 2, "sr-rgb")
    assert [sorted(row) for row in found["pictures"]] == [["name", "psnr_rgb", "ssim_rgb"]] * 2


def test_a_bundle_is_measured_at_its_own_scale(img2img, sharp, tiny):
    outcome = img2img("eval", tiny, "--data", sharp, "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 0
    assert (found["bundle"], found["scale"]) == ("tiny", 2)
    assert found["digest"] == bundle.describe(tiny).digest
    assert len(found["pictures"]) == 2
    assert bundle.describe(tiny).scores == ()


def test_recorded_scores_are_the_printed_ones(img2img, sharp, tiny):
    found = json.loads(img2img("eval", tiny, "--data", sharp, "--record", "--json").out)
    recorded = {score.metric: score.value for score in bundle.describe(tiny).scores}
    assert recorded == pytest.approx(found["mean"], abs=1e-5)


@pytest.fixture(scope="module")
def val(tmp_path_factory):
    """Two pairs whose targets are the negatives of their sources."""
    folder = tmp_path_factory.mktemp("pairs") / "val"
    for role in ("source", "target"):
        (folder / role).mkdir(parents=True)
    for name in ("a", "b"):
        noise = np.random.default_rng(ord(name)).integers(0, 256, (14, 12, 3)).astype(np.uint8)
        Image.fromarray(noise).save(folder / "source" / f"{name}.png")
        Image.fromarray(255 - noise).save(folder / "target" / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def negative(tmp_path_factory):
    """A bundle that inverts or outputs grey, depending on ``direction``; and a catalog with its task."""
    made = loaded(Directed)
    folder = tmp_path_factory.mktemp("bundles") / "negative"
    bundle.save(folder, made.task, made.nets, "negative", tiny_catalog())
    return folder


@pytest.fixture
def with_toy_metrics(monkeypatch):
    found = tiny_catalog(toy_metrics.plugin())
    monkeypatch.setattr(Catalog, "installed", classmethod(lambda cls: found))


def test_set_metrics_are_shown_after_pair_metrics(img2img, val, with_toy_metrics):
    outcome = img2img("eval", "--baseline", "copy", "--pairs", val, "--metric", "l1", "--metric", "mean-colour")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert (outcome.code, lines[0]) == (0, ["VAL", "L1", "MEAN-COLOUR"])
    assert [(line[0], len(line)) for line in lines[1:4]] == [("a", 2), ("b", 2), ("mean", 2)]
    assert lines[4][:2] == ["whole", "set"]
    assert float(lines[4][2]) > 0


def test_set_metrics_are_in_json_and_recorded(img2img, val, negative, with_toy_metrics, tmp_path):
    copy = shutil.copytree(negative, tmp_path / "negative")
    arguments = ("eval", copy, "--pairs", val, "--metric", "mean-colour", "--metric", "spread")
    found = json.loads(img2img(*arguments, "--choice", "direction=b_to_a", "--json", "--record").out)
    assert found["whole_set"].keys() == {"mean-colour", "spread"}
    assert found["mean"] == {}
    recorded = {s.metric: s.value for s in bundle.describe(copy).scores if s.metric in found["whole_set"]}
    assert recorded == pytest.approx(found["whole_set"], abs=1e-5)


def test_confidence_is_shown_on_request(img2img, val):
    arguments = ("eval", "--baseline", "copy", "--pairs", val, "--metric", "l1")
    assert "95 %" not in img2img(*arguments).out
    shown = img2img(*arguments, "--confidence").out.splitlines()[-1]
    bounds = json.loads(img2img(*arguments, "--confidence", "--json").out)["confidence"]["intervals"]["l1"]
    assert shown == f"95 % confidence, l1: {bounds['low']:.2f} to {bounds['high']:.2f}"


def test_all_missing_weights_are_listed_in_one_error(img2img, val, with_toy_metrics, tmp_path):
    arguments = ("eval", "--baseline", "copy", "--pairs", val, "--metric", "weighted")
    outcome = img2img(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("error") == 1
    assert "needs weights that are missing: 'heads': one number, 'scale' (get it: https://example" in outcome.err
    np.savez(tmp_path / "heads.npz", scale=2.0)
    given = img2img(*arguments, "--weights", f"heads={tmp_path / 'heads.npz'}", "--json")
    assert json.loads(given.out)["mean"]["weighted"] > 0


@pytest.fixture
def with_tiny_tasks(monkeypatch):
    monkeypatch.setattr(Catalog, "installed", classmethod(lambda cls: tiny_catalog()))


def test_a_bundle_is_measured_on_pairs(img2img, val, negative, with_tiny_tasks):
    found = json.loads(img2img("eval", negative, "--pairs", val, "--json", "--record").out)
    assert (found["bundle"], found["set"], found["protocol"], found["scale"]) == ("negative", "val", "pairs-8bit", 1)
    assert found["mean"] == {"l1": 0, "psnr": None, "ssim": pytest.approx(1)}
    assert "choices" not in found
    assert {(s.metric, s.value) for s in bundle.describe(negative).scores} == {("l1", 0), ("ssim", 1)}


def test_a_bundle_is_measured_with_choices_which_are_recorded(img2img, val, negative, with_tiny_tasks):
    choice = "direction=b_to_a"
    found = json.loads(img2img("eval", negative, "--pairs", val, "--json", "--record", "--choice", choice).out)
    assert found["choices"] == {"direction": "b_to_a"}
    assert found["mean"]["l1"] > 50
    recorded = {s.metric: s.value for s in bundle.describe(negative).scores if s.choices == found["choices"]}
    assert recorded == pytest.approx(found["mean"], abs=1e-5)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("direction=up", "choices.direction: input should be 'a_to_b' or 'b_to_a', got 'up'"),
        ("direction", "expected KEY=VALUE, such as direction=b_to_a"),
        ("direction=[", "invalid YAML"),
    ],
)
def test_an_unknown_choice_exits_with_2(img2img, val, negative, with_tiny_tasks, choice, said):
    outcome = img2img("eval", negative, "--pairs", val, "--choice", choice)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_copying_is_a_baseline_of_pairs(img2img, val, uninstall_everything):
    outcome = img2img("eval", "--baseline", "copy", "--pairs", val)
    lines = [line.split() for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert lines[0] == ["VAL", "L1", "PSNR", "SSIM"]
    assert [line[0] for line in lines[1:4]] == ["a", "b", "mean"]
    assert float(lines[3][1]) > 100
    assert "pairs-8bit" in outcome.out


def test_existing_results_are_scored(img2img, val, uninstall_everything):
    found = json.loads(img2img("eval", "--results", val / "target", "--pairs", val, "--json").out)
    assert (found["results"], found["mean"]["l1"]) == (str(val / "target"), 0)
    swapped = json.loads(img2img("eval", "--results", val / "target", "--pairs", val, "--swap", "--json").out)
    assert (swapped["set"], swapped["inputs"]) == ("val swapped", "target")
    assert swapped["mean"]["l1"] > 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either a BUNDLE or --baseline, or --results"),
        (["--baseline", "copy", "--results", "x"], "either a BUNDLE or --baseline, or --results"),
        (["--baseline", "bicubic"], "--baseline bicubic requires --data"),
        (["--baseline", "copy", "--scale", 2], "--scale requires --data"),
        (["--baseline", "copy", "--metric", "sim"], "no metric 'sim' is installed; did you mean 'ssim'?"),
        (["--baseline", "copy", "--metric", "l1", "--metric", "psnr_y"], "'psnr_y' has the protocols sr-matlab"),
        (["--baseline", "copy", "--protocol", "sr-rgp"], "sr-matlab, sr-rgb; did you mean 'sr-rgb'?"),
        (
            ["--baseline", "copy", "--weights", "inception=x.npz"],
            "none of the chosen metrics needs weights 'inception'",
        ),
        (["--baseline", "copy", "--data", "x"], "either --data or --pairs"),
        (["--baseline", "copy", "--choice", "a=b"], "--choice requires a BUNDLE"),
        (["--results", "x", "--record"], "--record requires a BUNDLE"),
        (["--results", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_invalid_usage_of_pairs_exits_with_2_and_a_reason(img2img, val, arguments, said, uninstall_everything):
    outcome = img2img("eval", "--pairs", val, *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--results", "x"], "--results requires --pairs"),
        (["--baseline", "copy"], "--baseline copy requires --pairs"),
        (["some", "--swap"], "--swap requires --pairs"),
        (["--scale", 2], "either a BUNDLE or --baseline"),
        (["some", "--baseline", "bicubic"], "either a BUNDLE or --baseline"),
        (["--baseline", "bicubic"], "--baseline bicubic requires --scale"),
        (["--baseline", "bicubic", "--scale", 2, "--record"], "--record requires a BUNDLE"),
        (["--baseline", "bicubic", "--scale", 2, "--protocol", "none"], "sr-matlab"),
        (["no-such-bundle"], "no bundle 'no-such-bundle' is installed"),
    ],
)
def test_invalid_usage_exits_with_2_and_a_reason(img2img, sharp, arguments, said, uninstall_everything):
    outcome = img2img("eval", "--data", sharp, *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_a_scale_other_than_the_bundles_is_rejected(img2img, sharp, tiny):
    outcome = img2img("eval", tiny, "--data", sharp, "--scale", 4)
    assert outcome.code == 2
    assert "has scale 2, not 4" in outcome.err


def test_a_missing_set_is_named(img2img, tmp_path, uninstall_everything):
    outcome = img2img("eval", "--baseline", "bicubic", "--scale", 2, "--data", tmp_path / "gone")
    assert outcome.code == 2
    assert "gone: no such folder" in outcome.err


def test_exported_models_and_other_onnx_files_score_like_their_bundle(
    img2img, val, negative, with_tiny_tasks, tmp_path
):
    import onnx

    from img2imgkit.exporting import OnnxExporter, export_bundle

    model = export_bundle(loaded(Directed), OnnxExporter(), tmp_path / "negative.onnx").path
    foreign = onnx.load(model)
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    for path, more in ((model, ()), (tmp_path / "foreign.onnx", ("--describe", "values=signed"))):
        found = json.loads(img2img("eval", path, "--pairs", val, "--json", *more).out)
        assert found["mean"]["l1"] == pytest.approx(0, abs=0.01)
    refused = img2img("eval", model, "--pairs", val, "--record")
    assert refused.code == 2
    assert "--record requires a bundle" in refused.err
    assert "expected KEY=VALUE, such as scale=4" in img2img("eval", model, "--pairs", val, "--describe", "scale").err


def test_files_that_are_not_read_are_counted(img2img, val, tmp_path, uninstall_everything):
    pairs = shutil.copytree(val, tmp_path / "pairs")
    (pairs / "source" / "drawing.xcf").write_bytes(b"layers")
    ended = img2img("eval", "--baseline", "copy", "--pairs", pairs)
    assert ended.code == 0
    assert "files that are not pictures, or cannot be read, are ignored: 1 .xcf" in ended.err
