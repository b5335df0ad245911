"""A model file where a bundle belongs: the error gives the command that makes a bundle of it, wherever it stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from keras_networks import keras_2_file
from pictures import save_pictures

FIXTURES = Path(__file__).parents[1] / "fixtures"
MODEL = FIXTURES / "sr_srvgg_x4" / "weights.pth"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model file, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution,ncnn")
    shutil.copy(MODEL, tmp_path / "x4 plus.pth")
    save_pictures(tmp_path / "in", "a.png")
    return tmp_path


def pipeline(bundle: str) -> str:
    steps = [
        {"uses": "read", "with": {"folder": "in"}},
        {"uses": "translate", "with": {"bundle": bundle}},
        {"uses": "write", "with": {"folder": "out"}},
    ]
    Path("p.yaml").write_text(json.dumps({"name": "p", "steps": steps}))
    return "p.yaml"


COMMAND = "make a bundle of it: img2img import 'x4 plus.pth' --out 'bundles/x4 plus'"
PLACES = {
    "run": ["run", "p.yaml"],
    "run --dry-run": ["run", "--dry-run", "p.yaml"],
    "check": ["check", "p.yaml"],
    "export": ["export", "x4 plus.pth", "--format", "onnx", "--out", "x.onnx"],
    "encode": ["encode", "x4 plus.pth", "style", "in/a.png", "--out", "x.json"],
    "eval": ["eval", "x4 plus.pth", "--data", "in"],
    "prepare": ["prepare", "x4 plus.pth"],
    "bench": ["bench", "x4 plus.pth"],
}


@pytest.mark.parametrize("where", PLACES)
def test_each_place_that_takes_a_bundle_gives_the_command(img2img: Any, where: str) -> None:
    pipeline("x4 plus.pth")
    outcome = img2img(*PLACES[where])
    assert outcome.code == 2
    said = (outcome.out + outcome.err).splitlines()
    assert said[-1].strip() == COMMAND
    assert any("x4 plus.pth" in line and "bundle" in line for line in said[:-1])


def test_a_network_of_other_software_can_be_converted(img2img: Any, place: Path) -> None:
    keras_2_file(place / "generator.h5")
    outcome = img2img("check", pipeline("generator.h5"))
    assert [line.strip() for line in (outcome.out + outcome.err).splitlines()[-2:]] == [
        "make a bundle of it: img2img import generator.h5 --out bundles/generator",
        "or, if it is a network of other software: img2img convert generator.h5 --out generator.onnx",
    ]


def test_initial_of_a_training(img2img: Any) -> None:
    stated = {"name": "t", "task": "super-resolution", "data": {"kind": "degraded", "folder": "in"}}
    Path("t.yaml").write_text(json.dumps({**stated, "initial": "x4 plus.pth", "training": {"steps": 1}}))
    for arguments in (["check", "t.yaml"], ["train", "t.yaml"]):
        outcome = img2img(*arguments)
        assert outcome.code == 2
        assert COMMAND in outcome.out + outcome.err


def test_the_command_works(img2img: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex
    from importlib import import_module

    monkeypatch.setattr(import_module("img2imgkit.cli.import"), "add_engine_form", lambda own: "")
    assert img2img(*shlex.split(COMMAND.partition("img2img ")[2])).code == 0
    assert img2img("run", "--dry-run", pipeline("bundles/x4 plus")).code == 0


def test_json_names_the_file(img2img: Any, place: Path) -> None:
    [problem] = json.loads(img2img("check", pipeline("x4 plus.pth"), "--json").out)["problems"]
    assert problem["model_file"] == str(place / "x4 plus.pth")


@pytest.mark.parametrize("content", [b"no model", b"<html></html>"])
def test_a_file_that_no_importer_reads_has_no_command(img2img: Any, place: Path, content: bytes) -> None:
    (place / "x.dat").write_bytes(content)
    outcome = img2img("run", pipeline("x.dat"))
    assert outcome.code == 2
    assert "img2img import" not in outcome.err
    assert "x.dat" in outcome.err


def test_a_model_under_any_name_and_in_another_folder(img2img: Any, place: Path) -> None:
    elsewhere = place.parent / f"{place.name}-models"
    elsewhere.mkdir()
    shutil.copy(MODEL, elsewhere / "model_best.pth.tar")
    outcome = img2img("run", pipeline(f"../{elsewhere.name}/model_best.pth.tar"))
    assert "model_best.pth.tar --out bundles/model_best" in outcome.err
