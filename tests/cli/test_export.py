"""``img2img export``: its output and errors, and that converters print nothing."""

import json

import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle of an untrained translator in both directions; picture sizes must be multiples of 4."""
    catalog = Catalog.installed({"IMG2IMG_PLUGINS": "cyclegan"})
    task_class = catalog.get("tasks", "cyclegan")
    options = "{generator: {kind: resnet, width: 2, blocks: 0}, norm: none}"
    task = task_class(resolve(validate(task_class.Options, parse_yaml(options)), catalog))
    place = tmp_path_factory.mktemp("bundles") / "both"
    bundle.save(place, task, task.build(), "both", catalog, licence="CC0-1.0")
    return place


def test_it_prints_what_users_of_the_file_must_know(img2img, folder, tmp_path):
    outcome = img2img("export", folder, "--format", "onnx", "--out", tmp_path / "m.onnx", "--image-io", "uint8")
    assert outcome.code == 0
    assert "(batch, height, width, 3)  RGB as levels, 0 to 255" in outcome.out
    assert "translate: height and width must be multiples of 4, at least 8" in outcome.out
    assert "of 255 levels, in float32" in outcome.out
    assert "licence: CC0-1.0" in outcome.out
    assert f"{tmp_path / 'm.onnx'}: 0.0" in outcome.out


@pytest.mark.parametrize(
    ("format", "name"), [("onnx", "m.onnx"), ("saved-model", "m"), ("tflite", "m.tflite"), ("keras", "m")]
)
def test_converters_keep_quiet(format, name, folder, tmp_path, capfd):
    from img2imgkit.cli import main

    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["export", str(folder), "--format", format, "--out", str(tmp_path / name), "--json"])
    out, err = capfd.readouterr()
    assert (ended.value.code, err) == (0, "")
    assert json.loads(out)["largest_difference"] < 1e-4


@pytest.mark.slow
def test_an_export_that_nothing_can_run_is_called_unproved(img2img, tmp_path, monkeypatch):
    monkeypatch.setattr("img2imgkit_plugins.ncnn.exporter.find_spec", lambda name: None)
    given = ("export", "sr-compact-x2", "--format", "ncnn", "--replace", "--out", tmp_path / "models")
    needs = "ncnn (the extra 'ncnn')"
    assert f"not proved: comparing the written model with the bundle needs {needs}" in img2img(*given).out
    told = json.loads(img2img(*given, "--json").out)
    assert (told["largest_difference"], told["not_compared_without"]) == (None, needs)


def test_choices_are_fixed_in_the_file(img2img, folder, tmp_path):
    given = ("export", folder, "--format", "onnx", "--out", tmp_path / "m.onnx", "--size", "8x12", "--json")
    told = json.loads(img2img(*given, "--set", "direction=b_to_a").out)
    assert (told["choices"], told["size"]) == ({"direction": "b_to_a"}, [8, 12])
    again = img2img(*given)
    assert again.code == 2
    assert "m.onnx: already exists" in again.err
    assert img2img(*given, "--replace").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "onx"), "no exporter 'onx' is installed; did you mean 'onnx'"),
        (("--format", "onnx", "--size", "8"), "--size 8: expected dynamic, or height and width"),
        (("--format", "onnx", "--size", "8x9"), "size 8x9: both needs multiples of 4, at least 8"),
        (("--format", "onnx", "--opset", "12"), "opset"),
        (("--format", "onnx", "--image-io", "bgr"), "image_io"),
        (("--format", "onnx", "--set", "direction"), "expected KEY=VALUE"),
        (("--format", "onnx", "--set", "direction=up"), "direction"),
        (("--format", "onnx", "--precision", "int8"), "precision int8 and 'calibrate'"),
        (("--format", "onnx", "--program", "network_a"), "no program 'network_a'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_impossible_requests_are_rejected(img2img, folder, tmp_path, arguments, message):
    outcome = img2img("export", folder, "--out", tmp_path / "m.onnx", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(tmp_path.iterdir()) == []
