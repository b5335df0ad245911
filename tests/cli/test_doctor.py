import json
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from img2imgkit.cli import doctor
from img2imgkit.inference import BUILT_IN


def test_a_healthy_machine_exits_with_0(img2img, uninstall_everything):
    outcome = img2img("doctor", "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["ok"], found["problems"]) == (0, True, [])
    assert found["machine"]["cpus"] >= 1
    assert found["machine"]["codec_threads"] == found["machine"]["cpus"] + 1
    assert found["machine"]["temporary_free_bytes"] > 0
    assert found["devices"][0]["name"] == "cpu"
    assert found["codecs"]["imagecodecs PNG"]
    built_in = [
        "adversary",
        "architectures",
        "data-kinds",
        "degradations",
        "engines",
        "exporters",
        "importers",
        "losses",
    ]
    assert found["plugins"]["installed"] == [*built_in, "metrics", "model-index", "steps"]


def test_every_dependency_is_checked(img2img, uninstall_everything):
    versions = json.loads(img2img("doctor", "--json").out)["versions"]
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {line.partition(">")[0].strip().lower() for line in project["dependencies"]}
    assert names == {name.lower() for name in versions} - {"img2imgkit"}
    assert versions["numpy"] == metadata.version("numpy")


def test_each_engine_is_listed(img2img, uninstall_everything, monkeypatch):
    def broken(self):
        raise OSError("libopenvino.so: no such file")

    monkeypatch.setattr(BUILT_IN["onnxruntime"], "version", lambda self: None)
    monkeypatch.setattr(BUILT_IN["openvino"], "devices", broken)
    found = {each["name"]: each for each in json.loads(img2img("doctor", "--json").out)["engines"]}
    assert found["onnxruntime"]["problem"] == "onnxruntime is not installed"
    assert found["openvino"]["problem"] == "OSError: libopenvino.so: no such file"
    assert found["tensorflow"]["version"] == metadata.version("tensorflow")
    assert found["tensorflow"]["devices"][0]["kind"] == "cpu"
    lines = [line for line in img2img("doctor").out.splitlines() if line.startswith("engine ")]
    assert "engine     onnxruntime  none  not usable: onnxruntime is not installed" in lines
    assert len(lines) == 3


def test_openvino_is_not_needed(img2img, uninstall_everything, monkeypatch):
    """Its wheels do not exist for every system."""
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "not installed" if name == "openvino" else version(name))
    monkeypatch.setattr(BUILT_IN["openvino"], "version", lambda self: None)
    outcome = img2img("doctor", "--json")
    assert (outcome.code, json.loads(outcome.out)["problems"]) == (0, [])


def test_text_contains_the_same(img2img, uninstall_everything):
    lines = img2img("doctor").out.splitlines()
    assert lines[-1] == "everything needed is installed"
    assert any(line.startswith("version    numpy ") for line in lines)


def test_the_limits_in_effect_are_shown(img2img, uninstall_everything, monkeypatch):
    monkeypatch.setenv("IMG2IMG_LIMITS", "{bytes: 123456}")
    lines = img2img("doctor", "--limits", "seconds=5", "--limits", "formats=[PNG, JPEG]").out.splitlines()
    found = dict(line.split(maxsplit=2)[1:] for line in lines if line.startswith("limit "))
    assert (found["bytes"], found["seconds"], found["formats"]) == ("123,456", "5.0", "PNG, JPEG")
    assert found["pixels"] == "as stated by each pipeline"
    assert json.loads(img2img("doctor", "--json").out)["limits"]["seconds"] == 60


def test_an_unknown_format_in_the_limits_is_an_error(img2img, uninstall_everything):
    outcome = img2img("doctor", "--limits", "formats=[PGN]")
    assert outcome.code == 2
    assert "limits.formats: unknown format PGN; expected some of" in outcome.err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_missing_dependency_is_a_problem(img2img, uninstall_everything, monkeypatch, as_json):
    monkeypatch.setitem(doctor._NEEDED, "rawpictures", "rawpictures_that_is_not_there")
    outcome = img2img("doctor", *["--json"] * as_json)
    assert outcome.code == 1
    assert "rawpictures cannot be imported: ModuleNotFoundError" in outcome.out


def test_a_temporary_folder_that_is_not_writable_is_a_problem(img2img, uninstall_everything, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    outcome = img2img("doctor")
    assert outcome.code == 1
    assert "temporary folder is not writable" in outcome.out


def test_a_missing_codec_is_a_problem(img2img, uninstall_everything, monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: name != "jpg")
    outcome = img2img("doctor")
    assert outcome.code == 1
    assert "the codec pillow jpg is missing" in outcome.out


def test_broken_plugins_are_listed_without_failing(img2img, install, monkeypatch):
    install("bad", "raise RuntimeError('no')")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
    outcome = img2img("doctor")
    assert outcome.code == 0
    assert "broken     bad: RuntimeError: no" in outcome.out


def test_gpu_memory_is_read_from_the_driver(monkeypatch):
    class Answer:
        stdout = "NVIDIA H100 80GB HBM3, 81559\nSome, odd card, 16\n"

    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: Answer)
    assert doctor._gpu_memory() == {"NVIDIA H100 80GB HBM3": 81559 << 20, "Some, odd card": 16 << 20}


def test_a_machine_without_a_driver_has_no_gpu_memory(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(doctor.subprocess, "run", missing)
    assert doctor._gpu_memory() == {}
